"""Conversations as rows: both forms are read alike, and what makes no conversation is refused."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from pgt_lora.core.errors import InputError
from pgt_lora.data.blend import blend
from pgt_lora.data.directory import PARQUET, open_dataset, read_manifest, write_rows
from pgt_lora.data.permuted import permuted
from pgt_lora.data.preview import write_preview
from pgt_lora.data.scene import Canvas
from pgt_lora.data.seal import seal
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.turns import IMAGE, Form, question, turns
from tests.support.conversations import asked, conversations, png, said, sample, write_conversations
from tests.support.mixes import mixed


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


def test_a_blend_of_questions_and_conversations_is_of_conversations(
    talks: Path, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    path = blend(data_dir, talks, 0.25, 12)
    rows = open_dataset(path).to_list()
    assert read_manifest(path)["rows"] == "conversations"
    stored = {row["id"]: turns(row) for data in (talks, data_dir) for row in open_dataset(data)}
    assert [turns(row) for row in rows] == [stored[row["id"]] for row in rows]
    assert sum(row["source"] == "own" for row in rows) == 3


def test_a_mix_takes_conversations_in_as_they_are(talks: Path, tmp_path: Path) -> None:
    shares = {str(talks): 1.0, "pgt": 1.0}
    mixed(tmp_path / "mix", num_samples=10, seed=0, shares=shares, pgt=TaskSettings(Canvas(112, 112)))
    rows = {row["id"]: row for row in open_dataset(tmp_path / "mix")}
    assert len(rows) == 10
    for row in open_dataset(talks):
        assert rows[row["id"]] == row
    assert all(len(turns(row)) == 2 for name, row in rows.items() if name.startswith("pgt"))


def test_the_last_answers_alone_are_permuted(tmp_path: Path) -> None:
    same = {"images": (png("red"),), "choices": ("red", "blue"), "answer_format": "word"}
    history = (asked(IMAGE, "What is this?"), said("A square."))
    samples = [
        sample(f"row-{number}", "Which color?", ("red", "blue")[number % 2], history=history, **same)
        for number in range(40)
    ]
    data = write_conversations(tmp_path / "talks", samples)
    rows = open_dataset(permuted(data)).to_list()
    assert [row["answer"] for row in rows] != [each.answer for each in samples]
    assert sorted(row["answer"] for row in rows) == sorted(each.answer for each in samples)
    for row in rows:
        assert turns(row) == (*history, asked("Which color?"), said(row["answer"]))


def test_the_page_shows_every_turn(talks: Path, tmp_path: Path) -> None:
    write_preview(talks, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for text in ("Answer in one word.", "Quite sure, yes.", "What is two and two?", "Is it red?"):
        assert text in page
    assert page.count("‹image›") == 5


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
    "empty turn": (change(parts=[{"type": "text", "text": " "}]), "turn 2 of 4: an empty turn of the assistant"),
    "no part": (change(parts=[]), "turn 2 of 4: empty"),
    "video": (change(parts=[{"type": "video", "text": None}]), "a turn of the assistant with a part that is neither"),
    "image with words": (change(parts=[{"type": "image", "text": "a square"}]), "a turn of the assistant with a part"),
    "image said": (change(parts=[{"type": "image", "text": None}]), "turn 2 of 4: an image in a turn of the assistant"),
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
