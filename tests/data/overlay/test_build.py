"""The directory: nested shares, originals kept byte for byte, one turn more behind them, and what is passed on."""

import io
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from datasets import load_dataset
from PIL import Image, JpegImagePlugin

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.overlay.build import overlay_data
from pgt_lora.data.overlay.draw import Outcome
from pgt_lora.data.overlay.plan import OverlaySettings, possible_tasks, settings_for, within_long_side
from pgt_lora.data.sample import Sample
from pgt_lora.data.scene import Canvas, Scene
from pgt_lora.data.tasks.labels import radius_range
from pgt_lora.data.turns import IMAGE, question, turns
from tests.support.command import call
from tests.support.conversations import asked, conversations, said, sample, write_conversations
from tests.support.photographs import FILES, draw_file

NUM_TALKS = 36
Row = dict[str, Any]


def talks() -> list[Sample]:
    """Return conversations of one photograph each, and among them some without and with several images."""
    rng, samples = Random(3), conversations()
    for number in range(NUM_TALKS):
        image = draw_file(rng, (100, 140), FILES[number % len(FILES)])
        history = (asked(IMAGE, "What is it?"), said("A  photograph.\n")) if number % 2 else ()
        last = "Is it  large?" if history else (IMAGE, "Is it large?")
        samples.append(sample(f"talk-{number}", last, "no", images=(image,), history=history, source="own"))
    return samples


@pytest.fixture(scope="module")
def talks_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_conversations(tmp_path_factory.mktemp("talks") / "talks", talks())


@pytest.fixture(scope="module")
def whole_dir(talks_dir: Path) -> Path:
    return made(talks_dir, "whole", proportion=1.0)


def made(source: Path, name: str, num_proc: int = 1, render: bool = True, **fields: Any) -> Path:
    out = source.with_name(name)
    overlay_data(str(source), out, OverlaySettings(**fields), num_proc=num_proc, render=render)
    return out


def rows_of(directory: Path) -> dict[str, Row]:
    return {row["id"]: row for row in open_dataset(directory).to_list()}


def drawn(before: dict[str, Row], after: dict[str, Row]) -> set[str]:
    return {name for name, row in after.items() if len(row["messages"]) > len(before[name]["messages"])}


def test_one_turn_more_behind_originals_that_stay_as_they_are(talks_dir: Path, whole_dir: Path) -> None:
    before, after = rows_of(talks_dir), rows_of(whole_dir)
    assert list(after) == list(before)
    names = drawn(before, after)
    counts = read_manifest(whole_dir)["overlay"]
    assert len(names) == sum(n for outcome, n in counts.items() if not outcome.startswith(("left", "passed"))) > 25
    assert counts[Outcome.TEXT_ONLY] == 2 and counts[Outcome.SEVERAL] == 1
    for name, row in after.items():
        if name not in names:
            assert row == before[name]
            continue
        kept = before[name]["messages"]
        assert json.dumps(row["messages"][: len(kept)]) == json.dumps(kept)
        (asking, answering) = turns(row)[-2:]
        assert asking.num_images == 0 and answering.text == row["answer"]
        assert row["task"] in possible_tasks(Canvas(448, 448)) and row["group"] == before[name]["group"]
        scene, picture = Scene.from_json(row["scene"]), opened(row)
        assert (scene.canvas.width, scene.canvas.height) == picture.size
    assert len(load_dataset(str(whole_dir), split="train")) == len(after)


def opened(row: Row) -> Image.Image:
    return Image.open(io.BytesIO(row["images"][0]["bytes"]))


def test_pixels_are_upright_and_colors_are_not_subsampled(talks_dir: Path, whole_dir: Path) -> None:
    before, after = rows_of(talks_dir), rows_of(whole_dir)
    formats = set()
    for name in drawn(before, after):
        old, new = opened(before[name]), opened(after[name])
        formats.add((old.format, new.format))
        assert new.mode == "RGB" and not new.getexif()
        if new.format == "JPEG":
            assert JpegImagePlugin.get_sampling(new) == 0
        if old.getexif().get(274, 1) > 4:
            assert new.size == old.size[::-1]
    assert formats == {("JPEG", "JPEG"), ("PNG", "PNG")}


def test_a_smaller_share_lies_in_a_larger_one_with_the_same_turns(talks_dir: Path, whole_dir: Path) -> None:
    before, whole, names = rows_of(talks_dir), rows_of(whole_dir), set[str]()
    for share in (0.1, 0.5):
        after = rows_of(made(talks_dir, f"share-{share}", proportion=share))
        now = drawn(before, after)
        assert names < now < drawn(before, whole)
        assert all(after[name] == whole[name] for name in now)
        assert all(after[name] == before[name] for name in set(after) - now)
        names = now


def test_separate_rows_stand_beside_their_originals(talks_dir: Path, whole_dir: Path) -> None:
    before, whole = rows_of(talks_dir), rows_of(whole_dir)
    after = rows_of(made(talks_dir, "separate", proportion=1.0, separate=True))
    new = set(after) - set(before)
    assert new == {f"{name}+pgt" for name in drawn(before, whole)}
    assert all(after[name] == before[name] for name in before)
    for name in new:
        one, other = after[name], whole[name.removesuffix("+pgt")]
        assert one["images"] == other["images"] and len(one["messages"]) == 2
        assert turns(one)[0].parts == (IMAGE, question(other)) and one["answer"] == other["answer"]


def test_several_questions_are_of_distinct_tasks_and_begin_with_the_one(talks_dir: Path, whole_dir: Path) -> None:
    before, one = rows_of(talks_dir), rows_of(whole_dir)
    after = rows_of(made(talks_dir, "three", proportion=1.0, tasks_per_image=3))
    names = drawn(before, one) & drawn(before, after)
    assert len(names) > 20
    for name in names:
        added = turns(after[name])[len(before[name]["messages"]) :]
        assert added[0].text == question(one[name]) and len(added) == 6
        assert len({turn.text for turn in added[::2]}) == 3


def test_processes_change_nothing(talks_dir: Path, whole_dir: Path) -> None:
    two = read_manifest(made(talks_dir, "processes", num_proc=2, proportion=1.0))
    assert two == read_manifest(whole_dir)


def test_a_folder_of_photographs_gets_the_question_alone(tmp_path: Path) -> None:
    rng, folder = Random(5), tmp_path / "photographs"
    for number in range(4):
        (folder / str(number % 2)).mkdir(parents=True, exist_ok=True)
        (folder / str(number % 2) / f"{number}.jpg").write_bytes(draw_file(rng, (120, 140), "JPEG"))
    (folder / ".hidden").write_text("nothing")
    after = rows_of(made(folder, "out", proportion=1.0))
    assert set(after) <= {"0/0.jpg", "0/2.jpg", "1/1.jpg", "1/3.jpg"} and len(after) > 2
    assert read_manifest(tmp_path / "out")["sources"]["photographs"]["drawn"] == len(after)
    assert all(turns(row)[0].parts[0] is IMAGE and len(row["messages"]) == 2 for row in after.values())


def test_letters_keep_their_height_as_they_are_seen() -> None:
    large = Canvas(4000, 2000)
    assert within_long_side(large) == Canvas(1280, 640)
    small = settings_for(large, Canvas(200, 100))
    assert radius_range(small)[0] * 2000 * 100 / 2000 >= 9
    assert possible_tasks(Canvas(200, 85)) == ("coordinates", "relation")
    assert set(possible_tasks(Canvas(200, 100))) > {"analogy", "distance", "counting"}
    assert possible_tasks(Canvas(70, 70)) == possible_tasks(Canvas(500, 100)) == ()


def test_the_command_and_what_it_refuses(
    talks_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("overlay", str(talks_dir), "--out", str(tmp_path / "out"), "--proportion", "0.2", "--limit", "9")
    assert call(monkeypatch, capsys, *words)[0] == 0
    rows = rows_of(tmp_path / "out").values()
    assert {name: facts["drawn"] for name, facts in read_manifest(tmp_path / "out")["sources"].items()} == {
        "own": len(rows)
    }
    assert len(rows) == 9 and {row["source"] for row in rows} == {"own"}
    assert call(monkeypatch, capsys, "preview", str(tmp_path / "out"))[0] == 0
    broken = sample("torn", "Is it?", "no", images=(draw_file(Random(0), (100, 100), "JPEG")[:900],))
    torn = write_conversations(tmp_path / "torn", [broken])
    nothing = write_conversations(tmp_path / "text", conversations()[3:])
    for bad, says in (
        ((str(talks_dir), "--proportion", "0"), "--proportion 0"),
        ((str(talks_dir), "--proportion", "1.5"), "--proportion 1.5"),
        ((str(talks_dir), "--tasks-per-image", "4"), "--tasks-per-image 4: from 1 to 3"),
        ((str(talks_dir), "--num-proc", "0"), "num_proc 0"),
        ((str(torn), "--proportion", "1"), "row torn: its image cannot be read"),
        ((str(tmp_path / "nowhere"),), "not a dataset directory"),
    ):
        status, error = call(monkeypatch, capsys, "overlay", *bad, "--out", str(tmp_path / "new"))
        message = [line for line in error.splitlines() if line.startswith("pgt-lora: ")]
        assert (status, len(message)) == (2, 1) and says in message[0], (bad, error)
        assert not (tmp_path / "new").exists()
    assert rows_of(made(nothing, "passed", proportion=1.0)) == rows_of(nothing)


def test_what_is_no_image_in_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    Image.new("RGB", (200, 200)).save(tmp_path / "mine" / "a.png")
    (tmp_path / "mine" / "notes.txt").write_text("of 2026")
    with pytest.raises(InputError, match=r"notes\.txt: is no image; move it out of .*mine"):
        made(tmp_path / "mine", "out", proportion=1.0)


def test_a_folder_of_which_nothing_is_drawn_on_is_told(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "tiny" / "a.png")
    with pytest.raises(InputError, match="too small or too long: 1"):
        made(tmp_path / "tiny", "out", proportion=1.0)
