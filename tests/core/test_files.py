"""Files that are written whole, and read as they were written."""

import errno
import json
import os
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json, read_json_lines, write_text


def test_what_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    with pytest.raises(InputError, match=r"scores\.json: is missing"):
        read_json(path)
    path.write_text('{"half')
    with pytest.raises(InputError, match=r"scores\.json: cannot be read .*make it again"):
        read_json(path)


def test_a_line_ends_at_a_newline_alone(tmp_path: Path) -> None:
    # What str.splitlines ends a line at, too: a vertical tab, a file separator, U+0085, U+2028 and U+2029.
    rows = [{"question": f"One line{mark}and its rest?"} for mark in "\x0b\x1c\x85\u2028\u2029"]
    write_text(tmp_path / "rows.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    assert read_json_lines(tmp_path / "rows.jsonl") == rows


def test_a_full_disk_is_named_by_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*page\.html'"):
        write_text(tmp_path / "page.html", "")
