"""Conversations as rows: both forms are read alike, and what makes no conversation is refused."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import PARQUET, open_dataset, read_manifest, write_rows
from pgt_lora.data.seal import seal
from pgt_lora.data.turns import IMAGE, Form, question, turns
from tests.support.conversations import asked, conversations, png, said, sample, write_conversations


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    return write_conversations(tmp_path / "talks", conversations())


def test_what_was_said_is_read_again(talks: Path) -> None:
    rows = open_dataset(talks)
    assert [turns(row) for row in rows] == [each.turns for each in conversations()]
    assert read_manifest(talks)["rows"] == "conversations"
    opened = load_dataset(str(talks), split="train")
    assert [len(images) for images in opened["images"]] == [1, 1, 3, 0, 0]
    assert opened["messages"] == rows["messages"]


def test_both_forms_of_a_question_are_the_same_conversation() -> None:
    single = conversations()[0]
    one, other = single.to_row(), single.to_row(Form.CONVERSATIONS)
    assert "messages" in other and "prompt" in one
    assert turns(one) == turns(other) == (asked(IMAGE, "Which color is it?"), said("red"))
    assert question(one) == question(other) == "Which color is it?"


def test_a_conversation_is_no_single_question() -> None:
    for each in conversations()[1:]:
        with pytest.raises(InputError, match=f"row {each.id}: a conversation, among single questions"):
            each.to_row()


def test_images_and_their_places_are_as_many() -> None:
    with pytest.raises(InputError, match="row one: 1 images, but 2 places for them"):
        sample("one", ("Which of ", IMAGE, " and ", IMAGE), "it", images=(png("red"),))
    with pytest.raises(InputError, match="row none: 0 images, but 1 places"):
        sample("none", "What?", "it", history=(asked(IMAGE, "Hm?"), said("Well.")))


def test_a_directory_whose_manifest_says_another_form_was_edited(talks: Path, data_dir: Path) -> None:
    (talks / PARQUET).write_bytes((data_dir / PARQUET).read_bytes())
    with pytest.raises(InputError, match="pgt-lora seal"):
        open_dataset(talks)
    assert seal(talks)["rows"] == "questions"
    assert len(open_dataset(talks)) == 32


def change(role: str | None = None, parts: list[Any] | None = None) -> Any:
    def edit(row: Any) -> None:
        row["messages"][1] |= {"role": role} if role else {"content": parts}

    return edit


def drop(row: Any) -> None:
    del row["messages"][-1]


def no_images(row: Any) -> None:
    row["images"] = []


MEANINGLESS = {
    "role": (change(role="tool"), "a turn of 'tool'; there are assistant, system, user"),
    "two users": (change(role="user"), "its turns are not the user's and the assistant's in turn"),
    "late system": (change(role="system"), "its turns are not the user's"),
    "no answer": (drop, "its turns are not the user's"),
    "empty turn": (change(parts=[{"type": "text", "text": " "}]), "an empty turn of the assistant"),
    "no part": (change(parts=[]), "no images column, no turns, or an empty one"),
    "video": (change(parts=[{"type": "video", "text": None}]), "a turn of the assistant with a part that is neither"),
    "image said": (change(parts=[{"type": "image", "text": None}]), "an image in a turn of the assistant"),
    "too few images": (no_images, "0 images, but 1 places for them"),
}


@pytest.mark.parametrize("name", MEANINGLESS)
def test_a_conversation_that_means_nothing_is_named(talks: Path, tmp_path: Path, name: str) -> None:
    edit, message = MEANINGLESS[name]
    rows = pq.read_table(talks / PARQUET).to_pylist()
    edit(rows[1])
    (tmp_path / "new").mkdir()
    with pytest.raises(InputError, match=rf"row 2 \('two'\): {message}"):
        write_rows(tmp_path / "new", rows, Form.CONVERSATIONS)
