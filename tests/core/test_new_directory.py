"""What is replaced, what is refused, and what a killed process leaves."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pgt_lora.core import new_directory as module
from pgt_lora.core.errors import InputError
from pgt_lora.core.new_directory import MARKER, beside, check_free, clear_dead, is_ours, new_directory


def made(out: Path, text: str, overwrite: bool = False) -> Path:
    with new_directory(out, overwrite) as directory:
        (directory / "a.txt").write_text(text)
    return out


def test_what_the_kit_made_is_replaced_when_the_new_one_is_complete(tmp_path: Path) -> None:
    out = made(tmp_path / "a", "old")
    with pytest.raises(InputError, match="pass --overwrite"):
        made(out, "new")
    with pytest.raises(KeyError), new_directory(out, overwrite=True) as directory:
        (directory / "a.txt").write_text("half")
        assert (out / "a.txt").read_text() == "old"
        raise KeyError
    assert (out / "a.txt").read_text() == "old"
    made(out, "new", overwrite=True)
    assert (out / "a.txt").read_text() == "new"
    assert {path.name for path in out.iterdir()} == {"a.txt", MARKER}
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("where", [".", "..", "deep/..", "deep", "linked", "/", "dangling", "file", "home"])
def test_what_must_stay_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    work = made(tmp_path / "p", "kept")  # even where the kit made it
    made(work / "deep", "kept")
    made(work / "deep" / "here", "kept")
    made(work / "home", "kept")
    (work / "linked").symlink_to(work / "home")
    (work / "dangling").symlink_to(work / "nowhere")
    (work / "file").write_text("kept")
    monkeypatch.chdir(work / "deep" / "here" if where == "deep" else work)
    monkeypatch.setenv("HOME", str(work / "home"))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=r"--out|--overwrite|choose another"):
        made(work / where, "new", overwrite=True)
    with pytest.raises(InputError, match=r"--out|--overwrite|choose another"):
        made(Path(where) if where != "deep" else Path(".."), "new", overwrite=True)
    assert sorted(tmp_path.rglob("*")) == before
    assert {path.read_text() for path in tmp_path.rglob("a.txt")} == {"kept"}


def test_a_mount_point_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = made(tmp_path / "a", "kept")
    monkeypatch.setattr(module.os.path, "ismount", lambda path: Path(path) == out)
    with pytest.raises(InputError, match="mount"):
        made(out, "new", overwrite=True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("manifest.json", '{"name": "a browser extension"}'), ("manifest.json", "[" * 100_000), ("scores.json", "[1]"),
        ("README.md", "# Mine"), ("asked.json", "half"), ("thesis.txt", "x"),
    ],
)  # fmt: skip
def test_a_file_of_the_same_name_is_no_record(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / name).write_text(text)
    with pytest.raises(InputError, match="not made by pgt-lora"):
        made(tmp_path / "a", "new", overwrite=True)
    assert (tmp_path / "a" / name).read_text() == text


def test_an_empty_directory_may_be_taken(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert is_ours(made(tmp_path / "a", "new", overwrite=True))


def test_what_dead_processes_left_is_removed_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    out = tmp_path / "a"
    living = beside(out, "partial")
    with monkeypatch.context() as patched:
        patched.setattr(module.os, "getpid", lambda: ended.pid)
        dead, aside = beside(out, "partial"), beside(out, "old")
        other = beside(tmp_path / "ab", "partial")
        patched.setattr(module, "_machine", lambda: "elsewhere.1")
        elsewhere = beside(out, "partial")
    mine = tmp_path / "a.partial-thesis"
    for path in (living, dead, aside, other, elsewhere, mine):
        path.mkdir()
        (path / "a.txt").write_text(path.name)
        (path / MARKER).touch()
    clear_dead(out)
    assert sorted(tmp_path.iterdir()) == sorted([out, living, other, elsewhere, mine])
    assert (out / "a.txt").read_text() == aside.name  # a run was killed between putting it aside and its end
    made(out, "new", overwrite=True)
    assert sorted(tmp_path.iterdir()) == sorted([out, living, other, elsewhere, mine])


def test_a_place_that_cannot_be_written_to_is_told_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=f"{tmp_path}/file is a file; choose another --out"):
        check_free(tmp_path / "file" / "a" / "b", overwrite=False)
    monkeypatch.setattr(module.os, "access", lambda path, mode: Path(path) != tmp_path)  # root may write anywhere
    with pytest.raises(InputError, match=f"{tmp_path} cannot be written to; .* choose another --out"):
        check_free(tmp_path / "a" / "b", overwrite=False)


def test_a_full_disk_is_named_by_the_directory(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}/a'"), new_directory(tmp_path / "a"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
