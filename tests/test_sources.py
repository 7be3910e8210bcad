"""Loaders on small files of the original schemas, with the traps of the originals in them."""

import io
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pgt_lora.data.sources.groups import coco_group, coco_id, read_vg_to_coco, vg_group
from pgt_lora.data.sources.source import ImageRef, Row, Settings, Source
from pgt_lora.data.sources.spatialladder import letter_of
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.core.plugins import discover
from pgt_lora.core.streams import stream
from pgt_lora.data.mix.images import Shelf, local_paths, obtain
from tests.originals import QUESTION, RANDOM, TALLYQA, ZEROSHOT, jpeg, ladder, lines, put

SOURCES: dict[str, Source] = discover("pgt_lora.data.sources", "SOURCE")


def read(name: str, path: Path, split: str = "train", **switches: Any) -> tuple[Row, ...]:
    return SOURCES[name].read(path, split, Settings(**switches)).rows


def test_the_three_sources_are_found() -> None:
    assert list(SOURCES) == ["spatialladder", "tallyqa", "vsr"]


@pytest.mark.parametrize(
    "spelling", ["COCO_train2014_000000296471.jpg", "train2014/COCO_train2014_000000296471.jpg", "000000296471.jpg",
                 "val2017/000000296471.jpg", "COCO_val2014_000000296471", "296471", 296471],
)  # fmt: skip
def test_every_spelling_of_a_coco_id_is_one_group(spelling: str | int) -> None:
    assert coco_group(spelling, "row 1") == "coco:296471"


def test_what_is_no_id_is_refused() -> None:
    assert coco_id("COCO_train2014_.jpg") is None
    assert coco_id("scene0022_00/a1760.jpg") is None
    with pytest.raises(InputError, match="row 7"):
        coco_group("cat.jpg", "row 7")
    with pytest.raises(InputError, match="row 7"):
        vg_group("VG_100K/cat.jpg", {}, "row 7")


def test_visual_genome_images_are_mapped_to_coco(tmp_path: Path) -> None:
    path = tmp_path / "image_data.json"
    path.write_text(json.dumps([{"image_id": 2410408, "coco_id": 296471}, {"image_id": 5, "coco_id": None}]))
    assert read_vg_to_coco(path) == {2410408: 296471}
    assert vg_group("VG_100K_2/2410408.jpg", {2410408: 296471}, "") == "coco:296471"
    assert vg_group("VG_100K/5.jpg", {2410408: 296471}, "") == "vg:5"
    path.write_text("{}[")
    with pytest.raises(InputError, match=r"image_data\.json"):
        read_vg_to_coco(path)


@pytest.mark.parametrize("archived", [False, True])
def test_tallyqa(tmp_path: Path, archived: bool) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps(TALLYQA))
    if archived:
        with zipfile.ZipFile(tmp_path / "tallyqa.zip", "w") as archive:
            archive.write(path, "tallyqa/train.json")
            archive.writestr("tallyqa/test.json", "[]")
        path = tmp_path / "tallyqa.zip"
    rows = read("tallyqa", path, vg_to_coco={2410408: 7})
    assert [row.group for row in rows] == ["coco:7", "coco:296471", "coco:42"]
    assert [row.answer for row in rows] == ["4", "0", "12"]
    assert rows[1].question == "How many dogs are there?"
    assert [image.store for row in rows for image in row.images] == ["vg", "coco", "coco"]
    assert len({row.id for row in rows}) == 3
    if archived:
        assert read("tallyqa", path, "test") == ()


def test_tallyqa_of_the_hub(tmp_path: Path) -> None:
    pictures = [{"bytes": jpeg(seed), "path": None} for seed in range(3)]
    texts = [
        [{"user": "How many cats?\nGive a short answer.", "assistant": "2.", "source": "TallyQA"}] * 2,
        [{"user": "How many dogs?", "assistant": "none", "source": "TallyQA"}],
        [{"user": "How many cows?", "assistant": "0", "source": "TallyQA"}],
    ]
    cauldron = tmp_path / "train-00000-of-00009.parquet"
    pq.write_table(pa.table({"images": [[each] for each in pictures], "texts": texts}), cauldron, row_group_size=2)
    annotations = SOURCES["tallyqa"].read(cauldron, "train", Settings())
    assert [(row.question, row.answer) for row in annotations.rows] == [("How many cats?", "2")] * 2 + [
        ("How many cows?", "0")
    ]
    assert annotations.skipped == {"answer is no number": 1}
    obtained = obtain([row.images[0] for row in annotations.rows], Shelf(tmp_path / "cache", root=tmp_path))
    kept = [obtained.paths[row.images[0]].read_bytes() for row in annotations.rows]
    assert kept == [jpeg(0), jpeg(0), jpeg(2)]
    test = tmp_path / "test-00000-of-00001.parquet"
    answers = [[{"question": "How many?", "answer": "3", "is_simple": True, "data_source": "amt"}]]
    pq.write_table(pa.table({"image": pictures[:1], "qa": answers}), test)
    assert [row.answer for row in read("tallyqa", test, "test")] == ["3"]
    pq.write_table(pa.table({"a": [1]}), test)
    with pytest.raises(InputError, match="columns"):
        read("tallyqa", test, "test")
    test.write_bytes(b"no parquet")
    with pytest.raises(InputError, match="cannot be read"):
        read("tallyqa", test, "test")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": "4"}, "answer is '4'"),
        ({"answer": True}, "answer is True"),
        ({"answer": -1}, "count of -1"),
        ({"question": None}, "question is None"),
        ({"image": "../../secret.jpg"}, "leads out"),
        ({"image": "/etc/passwd"}, "leads out"),
        ({"image": "flickr/1.jpg"}, "none of train2014"),
        ({"image": None}, "no path"),
    ],
)
def test_tallyqa_rows_of_another_schema_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps([TALLYQA[0], TALLYQA[1] | change]))
    with pytest.raises(InputError, match=message) as refused:
        read("tallyqa", path)
    assert f"{path}, row 2" in str(refused.value)


@pytest.mark.parametrize("text", ["{", "{}", '"a"'])
def test_a_file_that_is_not_tallyqa_is_refused(tmp_path: Path, text: str) -> None:
    (path := tmp_path / "train.json").write_text(text)
    with pytest.raises(InputError, match=r"train\.json"):
        read("tallyqa", path)
    (path := tmp_path / "tallyqa.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"tallyqa\.zip"):
        read("tallyqa", path)


def ask(name: str, row: Row, index: int) -> Any:
    return SOURCES[name].ask(stream(0, "test", index), row)


def test_tallyqa_is_asked_both_ways() -> None:
    row = Row("1", "How many dogs are there?", "5", (), "coco:1", "tallyqa")
    asked = [ask("tallyqa", row, index) for index in range(3000)]
    free = [each for each in asked if each.template == "A"]
    assert abs(len(free) - 1500) < 100
    assert {(each.text, each.answer) for each in free} == {
        ("How many dogs are there? Answer with the number directly", "5")
    }
    lettered = [each for each in asked if each.template == "B"]
    letters = Counter(each.answer for each in lettered)
    ranks: Counter[int] = Counter()
    for each in lettered:
        head, *listed = each.text.split(" Answer with")[0].split(" (")
        options = {part[0]: int(part[3:]) for part in listed}
        assert head == "How many dogs are there?"
        assert each.text.endswith("Answer with the option's letter from the given choices directly")
        assert list(options) == ["A", "B", "C"]
        assert options[each.answer] == 5
        assert max(options.values()) - min(options.values()) == 2
        ranks[sorted(options.values()).index(5)] += 1
    for counts in (letters, ranks):  # neither the place nor being the middle one gives the answer away
        assert len(counts) == 3
        assert max(counts.values()) < len(lettered) / 3 + 75


@pytest.mark.parametrize(("answer", "lowest"), [("0", {0}), ("1", {0, 1}), ("2", {0, 1, 2})])
def test_options_are_never_negative(answer: str, lowest: set[int]) -> None:
    row = Row("1", "How many?", answer, (), "coco:1", "tallyqa")
    asked = [each for each in (ask("tallyqa", row, index) for index in range(1200)) if each.template == "B"]
    listed = [each.text.split(" Answer")[0].split(" (")[1:] for each in asked]
    numbers = [[int(part[3:]) for part in each] for each in listed]
    assert {min(each) for each in numbers} == lowest
    assert all(len(set(each)) == 3 and int(answer) in each for each in numbers)
    letters = Counter(each.answer for each in asked)  # a count of zero is always the least, but never always (A)
    assert set(letters) == {"A", "B", "C"}
    assert max(letters.values()) < len(asked) / 3 + 50


@pytest.mark.parametrize(("family", "entries"), [("random", RANDOM), ("zeroshot", ZEROSHOT)])
def test_vsr(tmp_path: Path, family: str, entries: list[dict[str, Any]]) -> None:
    path = lines(tmp_path / "train.jsonl", entries)
    annotations = SOURCES["vsr"].read(path, "train", Settings(vsr_split=family))
    assert annotations.family == family
    assert [row.question for row in annotations.rows] == [
        entry["caption"] for entry in entries
    ]  # typos are in subj alone
    assert [row.answer for row in annotations.rows] == [str(bool(entry["label"])) for entry in entries]
    for row, entry in zip(annotations.rows, entries, strict=True):
        assert entry["image_link"].endswith(row.images[0].path)
        assert row.group == f"coco:{int(entry['image'][:12])}"
        question = ask("vsr", row, 0)
        assert question.text == (
            f"Based on the image, is this statement True or False? {entry['caption']} "
            "Answer with True or False directly."
        )
        assert (question.answer, question.choices) == (row.answer, ("True", "False"))


def test_vsr_families_are_never_mixed(tmp_path: Path) -> None:
    random, zeroshot = lines(tmp_path / "r.jsonl", RANDOM), lines(tmp_path / "z.jsonl", ZEROSHOT)
    mixed = lines(tmp_path / "m.jsonl", [*RANDOM, *ZEROSHOT])
    for path, asked in ((random, "zeroshot"), (zeroshot, "random"), (mixed, "random"), (mixed, "zeroshot")):
        with pytest.raises(InputError, match="test items of the other"):
            read("vsr", path, vsr_split=asked)
    with pytest.raises(InputError, match="known: random, zeroshot"):
        read("vsr", random, vsr_split="both")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        (json.dumps(RANDOM[0] | {"label": "1"}), "label is '1'"),
        (json.dumps(RANDOM[0] | {"label": 2}), "label is 2"),
        (json.dumps(RANDOM[0] | {"caption": None}), "caption is None"),
        (json.dumps(RANDOM[0] | {"image_link": "x/000000296471.jpg"}), "not in train2017"),
        ("\udcff", "not JSON"),
        (json.dumps(RANDOM[0] | {"image": "../x.jpg"}), "leads out"),
        ("[1]", "not a JSON object"),
    ],
)
def test_vsr_rows_of_another_schema_are_named(tmp_path: Path, line: str, message: str) -> None:
    text = json.dumps(RANDOM[0]) + "\n\n" + line + "\n"
    (path := tmp_path / "train.jsonl").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=message) as refused:
        read("vsr", path)
    assert f"{path}, line 3" in str(refused.value)


def test_spatialladder_keeps_what_is_asked_for(tmp_path: Path) -> None:
    views = ["images/scene0022_00/1.jpg", "images/scene0022_01/2.jpg"]
    entries = [
        ladder(),
        ladder(answer="B", image=["images/scene0022_01/3.jpg"]),
        ladder(data_type="multi_view", image=views),
        ladder(data_type="video", image=views),
        ladder(question_type="absolute distance", options=None, answer="1.5", question="How far, in meters?"),
        ladder(question_type="object size", options=None, answer="80"),
    ]
    path = lines(tmp_path / "spld_spatial_data.jsonl", entries)
    annotations = SOURCES["spatialladder"].read(path, "train", Settings())
    assert [(row.answer, row.group) for row in annotations.rows] == [
        ("A.", "scannet:scene0022"),
        ("B", "scannet:scene0022"),
    ]
    assert annotations.rows[1].images == (ImageRef("spatialladder", "scene0022_01/3.jpg"),)
    assert annotations.skipped == {
        "relative distance, multi_view": 1, "relative distance, video": 1, "absolute distance, single_image": 1,
        "object size, single_image": 1,
    }  # fmt: skip
    every = read("spatialladder", path, absolute_distance=True, multi_view=True)
    assert [len(row.images) for row in every] == [1, 1, 2, 1]
    assert [row.kind for row in every] == ["spatialladder"] * 3 + ["spatialladder-absolute"]
    absolute = ask("spatialladder", every[3], 0)
    assert (absolute.text, absolute.answer) == ("How far, in meters? Answer with the number directly", "1.5")


@pytest.mark.parametrize(("gold", "letter"), [("A.", "A"), ("A", "A"), ("(B)", "B"), ("B. pillow", "B")])
def test_spatialladder_keeps_its_own_format(tmp_path: Path, gold: str, letter: str) -> None:
    (row,) = read("spatialladder", lines(tmp_path / "a.jsonl", [ladder(answer=gold)]))
    question = ask("spatialladder", row, 0)
    assert question.text == (
        f"{QUESTION} A. tv B. pillow Answer with the option's letter from the given choices directly."
    )
    assert (question.answer, question.choices) == (letter, ("A", "B"))
    assert SOURCES["spatialladder"].written(row) == gold


def test_options_that_stand_in_the_question_are_not_repeated(tmp_path: Path) -> None:
    text = f"{QUESTION} A. tv B. pillow Answer with the option's letter."
    (row,) = read("spatialladder", lines(tmp_path / "a.jsonl", [ladder(question=text)]))
    assert ask("spatialladder", row, 0).text == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question_type": None}, "question_type is None"),
        ({"answer": "C"}, "names none"),
        ({"answer": "tv"}, "names none"),
        ({"answer": None}, "answer is None"),
        ({"options": ["tv", "pillow"]}, "names none"),
        ({"options": ["A. tv", "A. pillow"]}, "names none"),
        ({"options": None}, "options None"),
        ({"options": []}, "names none"),
        ({"image": []}, "0 images"),
        ({"image": "scene0022_00/1760.jpg"}, "image is"),
        ({"image": ["../x.jpg"]}, "leads out"),
    ],
)
def test_spatialladder_rows_of_another_schema_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = lines(tmp_path / "a.jsonl", [ladder(), ladder(**change)])
    with pytest.raises(InputError, match=message) as refused:
        read("spatialladder", path)
    assert f"{path}, line 2" in str(refused.value)


def test_an_article_is_no_letter() -> None:
    assert letter_of("A table") is None
    assert letter_of("A. table") == letter_of("A)") == letter_of(" A: x") == "A"


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        (ImageRef("coco", "train2014/COCO_train2014_000000000042.jpg"), "train2014/COCO_train2014_000000000042.jpg"),
        (ImageRef("coco", "train2014/COCO_train2014_000000000042.jpg"), "train2017/000000000042.jpg"),
        (ImageRef("coco", "train2017/000000000042.jpg"), "val2017/000000000042.jpg"),
        (ImageRef("coco", "train2017/000000000042.jpg"), "coco/train2017/000000000042.jpg"),
        (ImageRef("coco", "train2014/COCO_train2014_000000000042.jpg"), "coco/train2017/000000000042.jpg"),
        (ImageRef("vg", "VG_100K/5.jpg"), "VG_100K/5.jpg"),
        (ImageRef("vg", "VG_100K/5.jpg"), "vg/VG_100K_2/5.jpg"),
        (ImageRef("vg", "VG_100K/5.jpg"), "VG_100K_2/5.jpg"),
        (ImageRef("spatialladder", "scene0022_00/1.jpg"), "scene0022_00/1.jpg"),
        (ImageRef("spatialladder", "scene0022_00/1.jpg"), "images/scene0022_00/1.jpg"),
    ],
)
def test_local_copies_are_found_in_the_usual_layouts(tmp_path: Path, reference: ImageRef, place: str) -> None:
    put(tmp_path / place)
    shelf = Shelf(tmp_path / "cache", root=tmp_path)
    assert obtain([reference], shelf).paths == {reference: tmp_path / place}
    assert next(local_paths(reference)) == reference.path
    (tmp_path / place).unlink()
    assert "is missing" in obtain([reference], shelf).problems[reference]
    put(tmp_path / place)
    (tmp_path / place).write_bytes(jpeg(0)[:-100])
    assert "no whole image" in obtain([reference], shelf).problems[reference]
    assert (tmp_path / place).exists()  # the user's own files are left alone


def test_images_of_a_broken_png_are_named(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "PNG")
    (tmp_path / "train2017").mkdir()
    (tmp_path / "train2017/000000000001.jpg").write_bytes(file.getvalue()[:60])
    reference = ImageRef("coco", "train2017/000000000001.jpg")
    assert "no whole image" in obtain([reference], Shelf(tmp_path, root=tmp_path)).problems[reference]
