"""Files of rows: what names a row, and what is said where a file is broken."""

import csv
import json
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.readers.build import import_data
from pgt_lora.data.readers.tables import open_file
from pgt_lora.data.turns import turns
from tests.support.own_data import images, turn


def read(path: Path, text: str | bytes) -> list:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(open_file(path).rows())


def test_rows_are_named_by_the_lines_they_begin_in(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    assert read(path, '\ufeff[\n {"a": 1},\n\n {"a":\n 2}, {"a": 3}\n]\n') == [
        (f"{path}, line 2 (row 1)", {"a": 1}), (f"{path}, line 4 (row 2)", {"a": 2}),
        (f"{path}, line 5 (row 3)", {"a": 3}),
    ]  # fmt: skip
    assert read(path, "[]") == []
    assert read(path, '{"a": 1}\n\n{"a": 2}\n') == [(f"{path}, line 1", {"a": 1}), (f"{path}, line 3", {"a": 2})]
    table = tmp_path / "rows.csv"
    assert read(table, 'a,b\n1,"two\nlines"\n3,\u2028\n') == [
        (f"{table}, line 2", {"a": "1", "b": "two\nlines"}), (f"{table}, line 4", {"a": "3", "b": "\u2028"}),
    ]  # fmt: skip
    assert read(table, f"a\n{'x' * 140_000}\n")[0][1] == {"a": "x" * 140_000}  # such as an image as base64
    assert read(tmp_path / "rows.tsv", "a\tb\n1\t2\n")[0][1] == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", '[\n {"a": 1},\n {"a": }\n]', "a.json, line 3: not JSON"),
        ("a.json", '[\n {"a": 1}\n {"a": 2}\n]', "a.json, line 3: not JSON .no comma before this row"),
        ("a.json", '[\n {"a": 1},\n', "a.json: the list of rows does not end"),
        ("a.json", '[{"a": 1}] x', "a.json: the list of rows does not end, or something follows it"),
        ("a.json", '{\n "data": [{"a": 1}]\n}\n', "a.json: one object over several lines; write the rows as a list"),
        ("a.csv", "a,b,a\n1,2,3\n", "a.csv, line 1: two columns are named 'a'; rename one"),
        ("a.json", b'[{"a": "\xff"}]', "a.json: cannot be read as UTF-8"),
        ("a.csv", "q;a\n1;2\n", "a.csv, line 1: one column with semicolons in its name; save the file with commas"),
        ("a.csv", "q\ta\n1\t2\n", "a.csv, line 1: one column with tabs in its name; save the file with commas"),
        ("a.tsv", "q,a\n1,2\n", "a.tsv, line 1: one column with commas in its name; save the file with tabs"),
        ("a.parquet", b"PAR1", "a.parquet: cannot be read"),
        ("a.txt", "", "a.txt: not a known kind of file; known: .csv"),
    ],
)
def test_a_broken_file_is_told(name: str, text: str | bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        read(tmp_path / name, text)


def test_a_broken_line_leaves_the_others(tmp_path: Path) -> None:
    good, broken, _ = read(tmp_path / "a.jsonl", '{"a": 1}\n{"a"\n{"a": 2}\n')
    assert good[1] == {"a": 1}
    assert isinstance(broken[1], InputError)
    assert broken[0].endswith("line 2")
    assert isinstance(read(tmp_path / "a.csv", "a,b\n1\n")[0][1], InputError)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_lines_of_another_encoding_say_how_to_save_them(encoding: str, tmp_path: Path) -> None:
    ((_, problem), *_) = read(tmp_path / "a.jsonl", '{"a": "ü"}\n'.encode(encoding))
    assert str(problem).startswith("not UTF-8") and str(problem).endswith("save the file as UTF-8")


def test_lists_that_cells_hold_as_text_are_read(tmp_path: Path) -> None:
    images(tmp_path, ["0.png"])
    question, answer = "How many?", "12"
    said = {
        "conversations": [turn("human", question), turn("gpt", answer)],
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
        "texts": [{"user": question, "assistant": answer}],
    }
    for column, listed in said.items():
        with (tmp_path / f"{column}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([(column, "image"), (json.dumps(listed), "0.png")])
        (out,) = import_data(str(tmp_path / f"{column}.csv"), tmp_path / column)
        (row,) = open_dataset(out)
        assert (turns(row)[0].text, row["answer"]) == (question, answer)
    (tmp_path / "no.csv").write_text("conversations,image\nnone,0.png\n")
    with pytest.raises(InputError, match="line 2: its conversations are no list"):
        import_data(str(tmp_path / "no.csv"), tmp_path / "no")
