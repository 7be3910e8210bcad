import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset, write_manifest, write_samples
from pgt_lora.data.sample import Sample
from pgt_lora.export.other_trainers import FORMATS, export_dataset
from tests.support.conversations import conversations, write_conversations
from tests.support.image_files import encoded, exif, picture


def exported(data: Path, out: Path, form: str) -> list[dict[str, Any]]:
    export_dataset(data, out, form)
    text = (out / FORMATS[form].file).read_text()
    rows = [json.loads(line) for line in text.splitlines()] if form == "ms-swift" else json.loads(text)
    return list(rows)


@pytest.mark.parametrize("form", FORMATS)
def test_every_row_arrives_with_its_image(form: str, data_dir: Path, tmp_path: Path) -> None:
    rows = exported(data_dir, tmp_path / "out", form)
    originals = open_dataset(data_dir)
    assert len(rows) == len(originals)
    for row, original in zip(rows, originals, strict=True):
        turns = row.get("messages") or row["conversations"]
        question, answer = (turn.get("content") or turn["value"] for turn in turns)
        assert question.removeprefix("<image>").lstrip("\n") == original["prompt"][0]["content"]
        assert answer == original["answer"]
        (image,) = row.get("images") or [row["image"]]
        assert (tmp_path / "out" / image).read_bytes() == original["images"][0]["bytes"]


TOLD = {
    "two": ["<image>What is this?", "A square.", "And which color is it?", "blue"],
    "places": [
        "Is it red? <image>", "Yes", "Sure?", "Quite sure, yes.",
        "Which of <image> and <image> is larger?", "the first",
    ],
    "text": ["What is two and two?", "4"],
}  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_conversations_arrive_turn_by_turn_with_marks_in_place(form: str, tmp_path: Path) -> None:
    data = write_conversations(tmp_path / "data", conversations(system=form != "llava"))
    rows = dict(zip(open_dataset(data)["id"], exported(data, tmp_path / "out", form), strict=True))
    mark = "<image>\n" if form == "llava" else "<image>"
    for name, told in TOLD.items():
        turns = rows[name].get("messages") or rows[name]["conversations"]
        roles = [turn.get("role") or turn["from"] for turn in turns]
        if form != "llava" and name == "places":
            assert (roles.pop(0), turns.pop(0)["content"]) == ("system", "Answer in one word.")
        assert [turn.get("content") or turn["value"] for turn in turns] == [
            text.replace("<image>", mark) for text in told
        ]
        assert set(roles[::2]) <= {"user", "human"} and set(roles[1::2]) <= {"assistant", "gpt"}
        images = rows[name].get("images", rows[name].get("image", []))
        images = [images] if isinstance(images, str) else images
        assert len(images) == sum(text.count("<image>") for text in told)
        assert all((tmp_path / "out" / image).is_file() for image in images)


def test_a_system_turn_has_no_place_in_llavas_form(tmp_path: Path) -> None:
    data = write_conversations(tmp_path / "data", conversations())
    with pytest.raises(InputError, match="row 'places': has a system turn, which LLaVA's format lacks"):
        export_dataset(data, tmp_path / "out", "llava")


def odd(directory: Path, name: str, file: bytes, question: str = "Which?", answer: str = "1") -> Path:
    """A dataset directory of one row."""
    directory.mkdir()
    sample = Sample(name, (file, file), question, answer, "s", "t", "A", "number", "g")
    write_manifest(directory, {}, write_samples(directory, [sample]))
    return directory


@pytest.mark.parametrize("name", ["owner/name-000001", "../../evil", "a\\b:c", "x" * 300])
@pytest.mark.parametrize(("kind", "ending"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp"), ("GIF", "gif")])
def test_files_are_named_by_the_row_s_number_and_their_format(
    name: str, kind: str, ending: str, tmp_path: Path
) -> None:
    Image.new("RGB", (9, 9)).save(file := BytesIO(), kind)
    (row,) = exported(odd(tmp_path / "data", name, file.getvalue()), tmp_path / "out", "llava")
    assert row["id"] == name
    assert row["image"] == [f"images/000001.{ending}", f"images/000001-1.{ending}"]
    files = sorted(path.relative_to(tmp_path).as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert [path for path in files if "images" in path] == sorted(f"out/{path}" for path in row["image"])
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out"}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("text", ["What does <image> mean?", "<video>", "<audio> here"])
def test_a_mark_of_these_trainers_in_a_text_is_refused_by_row(form: str, text: str, tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(file := BytesIO(), "PNG")
    for number, words in enumerate([{"question": text}, {"answer": text}]):
        data = odd(tmp_path / f"data{number}", "a", file.getvalue(), **words)
        with pytest.raises(InputError, match=r"row 1 \('a'\): its text holds <"):
            export_dataset(data, tmp_path / "out", form)
    assert not (tmp_path / "out").exists()


def test_an_unknown_format_is_refused_by_row(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 1 \('a'\): its image cannot be read"):
        export_dataset(odd(tmp_path / "data", "a", b"%!PS-Adobe-3.0 EPSF"), tmp_path / "out", "llava")


def test_the_roles_are_those_of_each_trainer(data_dir: Path, tmp_path: Path) -> None:
    assert [turn["role"] for turn in exported(data_dir, tmp_path / "a", "ms-swift")[0]["messages"]] == [
        "user",
        "assistant",
    ]
    assert [turn["from"] for turn in exported(data_dir, tmp_path / "b", "llava")[0]["conversations"]] == [
        "human",
        "gpt",
    ]
    exported(data_dir, tmp_path / "c", "sharegpt")
    (entry,) = json.loads((tmp_path / "c" / "dataset_info.json").read_text()).values()
    assert (tmp_path / "c" / entry["file_name"]).is_file()
    assert entry["formatting"] == "sharegpt"
    assert entry["tags"]["user_tag"] == "user"


def test_what_is_there_is_left_alone(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists"):
        export_dataset(data_dir, tmp_path, "llava")
    with pytest.raises(InputError, match="known: llava, ms-swift, sharegpt"):
        export_dataset(data_dir, tmp_path / "out", "parquet")
    assert not list(tmp_path.iterdir())


def test_other_trainers_see_photographs_upright(tmp_path: Path) -> None:
    turned = encoded(picture().transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif(6))
    (row,) = exported(odd(tmp_path / "data", "a", turned), tmp_path / "out", "llava")
    shown = Image.open(tmp_path / "out" / row["image"][0])
    assert shown.tobytes() == picture().tobytes()
    assert not shown.getexif()
    with pytest.raises(InputError, match=r"row 1 \('a'\): its image cannot be read"):
        exported(odd(tmp_path / "cut", "a", turned[:60]), tmp_path / "cut-out", "llava")
