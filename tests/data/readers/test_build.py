"""Every form of other people's data is imported, and what cannot be read is named."""

import json
import shutil
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.readers.build import ImportSettings, OnError, import_data
from pgt_lora.data.turns import IMAGE, Role, turns
from tests.support import own_data
from tests.support.own_data import FORMS, NUM_ROWS, lines, llava, llava_rows, png, turn


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_imported(name: str, tmp_path: Path) -> None:
    write, columns, formats = FORMS[name]
    (out,) = import_data(str(write(tmp_path)), tmp_path / "out", ImportSettings(columns=columns))
    rows, manifest = open_dataset(out), read_manifest(out)
    assert len(rows) == NUM_ROWS == len(set(rows["id"]))
    (facts,) = manifest["sources"].values()
    assert facts["formats"] == formats
    assert (facts["rows"], facts["skipped"], facts["drawn"]) == (NUM_ROWS, 0, NUM_ROWS)
    assert all(len(digest) == 64 for digest in facts["files"].values()) and facts["files"]
    for row in rows:
        assert turns(row)[-1].role == Role.ASSISTANT
        assert len(row["images"]) == sum(each.num_images for each in turns(row))


def imported(source: Path, tmp_path: Path, **asked: object) -> list[dict]:
    (out,) = import_data(str(source), tmp_path / "out", ImportSettings(**asked))  # type: ignore[arg-type]
    return open_dataset(out).to_list()


def test_the_shapes_of_llavas_mix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = imported(llava(tmp_path), tmp_path)
    plain, _, several, last, text = rows[:5]
    assert turns(plain)[0].parts == (IMAGE, "How many things are there in 0?")
    assert [each.role for each in turns(several)] == [Role.USER, Role.ASSISTANT] * 2
    assert (several["answer"], several["choices"], several["answer_format"]) == ("B", ["A", "B"], "letter")
    assert turns(last)[0].parts == ("What color is it?\nAnswer with a single word.", IMAGE)
    assert (text["images"], turns(text)[0].parts) == ([], ("What is two and two?",))
    assert rows[0]["group"] == rows[1]["group"] != several["group"]  # two rows of one image
    assert rows[0]["images"][0] == {"bytes": png(0), "path": "coco/train2017/000000000000.png"}
    shown = capsys.readouterr().out
    assert "20 rows read as llava, 4 of text alone" in shown
    assert "not used: id" in shown
    assert all(word in shown for word in ("number", "letter", "text", "→ B"))


def test_images_stand_where_they_are_shown(tmp_path: Path) -> None:
    row = imported(own_data.sharegpt(tmp_path), tmp_path)[3]
    system, asked, answered = turns(row)
    assert (system.role, system.text) == (Role.SYSTEM, "You are brief.")
    assert asked.parts == ("Is ", IMAGE, " lighter than ", IMAGE, "?")
    assert [image["bytes"] for image in row["images"]] == [png(3), png(4)]
    assert (answered.text, row["answer"], row["choices"], row["answer_format"]) == ("yes", "yes", ["yes", "no"], "word")


def test_plain_questions_stay_plain(tmp_path: Path) -> None:
    row = imported(own_data.trl(tmp_path), tmp_path)[4]
    assert row["prompt"] == [{"role": "user", "content": "How many of 4?"}]
    assert row["completion"] == [{"role": "assistant", "content": "4."}]  # as it is written
    assert (row["answer"], row["answer_format"]) == ("4", "number")


def test_options_that_a_letter_means_are_listed(tmp_path: Path) -> None:
    row = imported(own_data.questions_jsonl(tmp_path), tmp_path)[1]
    assert row["prompt"][0]["content"] == "Which side, 1?\nA. left\nB. right"
    assert (row["answer"], row["choices"]) == ("B", ["A", "B"])


def test_options_that_a_question_lists_are_not_listed_again(tmp_path: Path) -> None:
    rows = own_data.question_rows(tmp_path)[:2]
    asked = ("Is it left or right?", "Is it\nA. left\nB. right")
    listed = [
        row | {"question": text, "options": ["left", "right"], "answer": "B"}
        for row, text in zip(rows, asked, strict=True)
    ]
    first, second = imported(lines(tmp_path / "rows.jsonl", listed), tmp_path)
    assert first["prompt"][0]["content"] == "Is it left or right?\nA. left\nB. right"
    assert second["prompt"][0]["content"] == asked[1]


def test_choices_formats_tasks_and_groups_of_the_data_are_kept(tmp_path: Path) -> None:
    rows = own_data.question_rows(tmp_path)
    stated = {"choices": ["left", "right"], "task": "sides", "group": "room 1"}
    row = imported(lines(tmp_path / "rows.jsonl", [each | stated for each in rows]), tmp_path)[0]
    assert (row["answer_format"], row["choices"], row["task"]) == ("word", ["left", "right"], "sides")
    assert row["group"] == "room 1"


def test_a_letter_among_more_choices_than_letters_is_named(tmp_path: Path) -> None:
    rows = [
        each | {"answer": "B", "choices": [f"c{n}" for n in range(30)]} for each in own_data.question_rows(tmp_path)
    ]
    path = lines(tmp_path / "rows.jsonl", rows)
    with pytest.raises(InputError, match="line 1: its answer 'B' is a letter, but it has 30 choices"):
        import_data(str(path), tmp_path / "out", ImportSettings())


BROKEN = {
    "no image": ({"image": "coco/gone.png"}, "its image 'coco/gone.png' is not in"),
    "an image that is none": ({"image": "broken.png"}, "its image cannot be read"),
    "a place too many": (
        {"conversations": [turn("human", "<image>\n<image>"), turn("gpt", "a")]}, "1 images, but 2 places",
    ),
    "nobody known": ({"conversations": [turn("someone", "a"), turn("gpt", "b")]}, "a turn from 'someone'"),
    "no answer": ({"conversations": [turn("human", "<image>")]}, "does not end with a question"),
    "an empty answer": ({"conversations": [turn("human", "<image>\na"), turn("gpt", " ")]}, "empty"),
    "turns out of turn": (
        {"conversations": [turn("gpt", "a"), turn("human", "<image>\nb"), turn("gpt", "c")]},
        "its turns are not the user's and the assistant's in turn",
    ),
    "weights": (
        {"conversations": [turn("human", "a"), {**turn("gpt", "b"), "loss": 0.5}]}, "loss, which would be ignored",
    ),
    "half a character": ({"conversations": [turn("human", "\ud800"), turn("gpt", "b")]}, "half a character"),
    "a speaker that is none": ({"conversations": [{"from": {}, "value": "a"}]}, "a turn from {}"),
    "turns that are none": ({"conversations": [1]}, "a turn without from and value"),
    "choices that are no list": ({"choices": "left or right"}, "its choices are 'left or right'; a list of texts"),
    "a format that is none": ({"answer_format": "essay"}, "answer_format 'essay'; known"),
    "a video": ({"video": "a.mp4"}, "it has video"),
    "an image of the assistant": ({"conversations": [turn("human", "a"), turn("gpt", "<image>")]}, "only the user"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_row_that_cannot_be_read_is_named_by_its_line(name: str, tmp_path: Path) -> None:
    change, says = BROKEN[name]
    rows = llava_rows()
    path = llava(tmp_path)
    (tmp_path / "broken.png").write_bytes(png(1)[:40])
    rows[7] = {**rows[7], **change}
    lines(path, rows)  # a row a line
    with pytest.raises(InputError, match=rf"^{path}, line 8: .*{says}.*--on-error skip") as raised:
        import_data(str(path), tmp_path / "out", ImportSettings())
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_what_is_skipped_is_counted_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = llava(tmp_path)
    text = path.read_text(encoding="utf-8").splitlines()
    begins = [number for number, line in enumerate(text, 1) if line == " {"]
    rows = llava_rows()
    rows[2]["conversations"] = []
    rows[8]["image"] = "gone.png"
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    shift = len(text) - len(path.read_text(encoding="utf-8").splitlines())
    (out,) = import_data(str(path), tmp_path / "out", ImportSettings(on_error=OnError.SKIP))
    (facts,) = read_manifest(out)["sources"].values()
    assert (facts["rows"], facts["skipped"], facts["drawn"]) == (20, 2, 18)
    named = [line.split(": ")[0] for line in facts["skipped_rows"]]
    assert named == [
        f"{path}, line {begins[2]} (row 3)",
        f"{path}, line {begins[8] - shift} (row 9)",
    ]  # where each begins
    shown = capsys.readouterr().out.replace("\n", " ")
    assert "2 that cannot be read are left out" in shown and "gone.png" in shown
    assert "mix-000003" not in open_dataset(out)["id"]


def test_nothing_foreign_is_replaced(tmp_path: Path) -> None:
    path, out = llava(tmp_path), tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("x")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="out"):
            import_data(str(path), out, overwrite=overwrite)
    assert (out / "thesis.txt").read_text() == "x"
    shutil.rmtree(out)
    import_data(str(path), out)
    with pytest.raises(InputError, match="exists"):
        import_data(str(path), out)
    import_data(str(path), out, overwrite=True)


def test_a_file_without_images_asks_for_their_column(tmp_path: Path) -> None:
    rows = [{"question": "What?", "answer": "that", "picture": "0.png"}] * 3
    path = lines(tmp_path / "rows.jsonl", rows)
    with pytest.raises(InputError, match="no row has an image; its columns are answer, picture, question"):
        import_data(str(path), tmp_path / "out")
    with pytest.raises(InputError, match="--columns task=kind: no such column; known: answer, picture, question"):
        import_data(str(path), tmp_path / "out", ImportSettings(columns={"task": "kind", "image": "none"}))
    alone = imported(path, tmp_path, columns={"image": "none"})
    assert [row["images"] for row in alone] == [[], [], []]
    assert len({row["group"] for row in alone}) == 1


@pytest.mark.parametrize(
    ("row", "columns", "says"),
    [
        ({"text": "a"}, {}, "line 1: with the columns text it is of no known form"),
        ({"question": "a", "answer": "b", "messages": []}, {}, "is read as messages, questions"),
        ({"question": "a", "answer": "b"}, {"queston": "a"}, "--columns queston=…: known"),
        (["a"], {}, "not a row with column names"),
    ],
)
def test_what_is_of_no_one_form_is_refused(row: object, columns: dict[str, str], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        import_data(str(lines(tmp_path / "rows.jsonl", [row])), tmp_path / "out", ImportSettings(columns=columns))


def test_a_first_row_that_cannot_be_read_is_one_of_others(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    good = json.dumps({"question": "How many?", "answer": 1, "image": "a.png"})
    source = tmp_path / "rows.jsonl"
    source.write_text(f'{{"question":\n{{"question": "How many?"}}\n{good}\n')
    assert len(imported(source, tmp_path, on_error=OnError.SKIP)) == 1
    with pytest.raises(InputError, match=r"rows.jsonl, line 1: not JSON .*; fix it, or skip"):
        import_data(str(source), tmp_path / "other")
