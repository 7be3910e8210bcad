"""TallyQA, on small files of its schema with the traps of the original in them."""

import json
import zipfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.mix.images import Shelf, obtain
from pgt_lora.data.sources.source import Row, SourceSettings
from tests.support.discovered import SOURCES
from tests.support.originals import TALLYQA, jpeg
from tests.support.source_rows import ask, read


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
    annotations = SOURCES["tallyqa"].read(cauldron, "train", SourceSettings())
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
        ({"image": "../../secret.jpg"}, "points outside"),
        ({"image": "/etc/passwd"}, "points outside"),
        ({"image": "flickr/1.jpg"}, "none of train2014"),
        ({"image": None}, "not a path"),
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
    for each in lettered:
        head, *listed = each.text.split(" Answer with")[0].split(" (")
        options = {part[0]: int(part[3:]) for part in listed}
        assert head == "How many dogs are there?"
        assert each.text.endswith("Answer with the option's letter from the given choices directly")
        assert list(options) == ["A", "B", "C"]
        assert options[each.answer] == 5
    assert len(letters) == 3
    assert max(letters.values()) < len(lettered) / 3 + 75


def test_the_options_say_nothing_of_the_answer() -> None:
    rows = [Row(str(n), "How many?", str(n % 12), (), "coco:1", "tallyqa") for n in range(24000)]
    asked = [ask("tallyqa", row, index) for index, row in enumerate(rows)]
    answers: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for row, each in zip(rows, asked, strict=True):
        if each.template == "B":
            numbers = [int(part[3:]) for part in each.text.split(" Answer")[0].split(" (")[1:]]
            assert len(set(numbers)) == 3 and int(row.answer) in numbers and min(numbers) >= 0
            answers[tuple(sorted(numbers))][int(row.answer)] += 1
    assert len(answers) == 2 * 20  # every three of six
    total = sum(sum(counts.values()) for counts in answers.values())
    # Who knows how often each is right among the same three, at its best in hindsight (0.36 by noise alone).
    assert sum(max(counts.values()) for counts in answers.values()) / total < 0.38
    # The cheap looks: the least, the middle and the most.
    for rank in range(3):
        assert abs(sum(counts[options[rank]] for options, counts in answers.items()) / total - 1 / 3) < 0.02
