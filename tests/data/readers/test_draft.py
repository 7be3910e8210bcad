"""What a row says: where its images stand, and what is refused because it would be lost."""

from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.readers.build import import_data
from pgt_lora.data.turns import IMAGE, turns
from tests.support.own_data import images, lines, turn


def imported(tmp_path: Path, row: dict) -> dict:
    images(tmp_path, ["0.png"])
    source = lines(tmp_path / "rows.jsonl", [{"image": "0.png"} | row])
    (out,) = import_data(str(source), tmp_path / "out")
    return open_dataset(out)[0]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_around_an_image_are_removed(end: str, tmp_path: Path) -> None:
    asked = end.join(["Look.", "<image>", "", "What?"])
    row = imported(tmp_path, {"conversations": [turn("human", asked), turn("gpt", "that")]})
    assert turns(row)[0].parts == ("Look.", IMAGE, "What?")


@pytest.mark.parametrize("field", ["reasoning_content", "thinking", "train", "name", "tool_calls"])
def test_a_field_that_another_trainer_would_use_is_refused(field: str, tmp_path: Path) -> None:
    said = [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "that", field: "words"}]
    with pytest.raises(InputError, match=f"line 1: a message with {field}, which would be ignored"):
        imported(tmp_path, {"messages": said})


def test_an_empty_turn_is_named_by_its_number(tmp_path: Path) -> None:
    said = [turn("human", "<image>\nWhat?"), turn("gpt", ""), turn("human", "Why?"), turn("gpt", "so")]
    with pytest.raises(InputError, match="line 1: turn 2 of 4: empty"):
        imported(tmp_path, {"conversations": said})


@pytest.mark.parametrize("said", ["", "  \n"])
@pytest.mark.parametrize("names", [("question", "answer"), ("prompt", "completion")])
def test_a_question_of_white_space_is_none(names: tuple[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"line 1: its {names[0]} is empty"):
        imported(tmp_path, {names[0]: said, names[1]: "that"})


def test_images_that_a_cell_separates_by_commas_ask_for_a_list(tmp_path: Path) -> None:
    images(tmp_path, ["a.png", "b.png"])
    (tmp_path / "rows.csv").write_text('images,question,answer\n"a.png, b.png",What?,that\n')
    with pytest.raises(InputError, match=r'line 2: its images .* write a JSON list: \["a.png", "b.png"\]'):
        import_data(str(tmp_path / "rows.csv"), tmp_path / "out")
    (tmp_path / "rows.csv").write_text('images,question,answer\n"gone, but one.png",What?,that\n')
    with pytest.raises(InputError, match=f"is not in {tmp_path}; pass --image-root"):
        import_data(str(tmp_path / "rows.csv"), tmp_path / "out")
