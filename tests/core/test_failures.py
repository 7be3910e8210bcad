"""Whatever libraries raise becomes one line, with the traceback in a file that the line names."""

import errno
import re
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError
from safetensors import SafetensorError

from pgt_lora.core.errors import InputError
from pgt_lora.core.failures import exit_with_one_line, explain


def hub_error(kind: type[Exception]) -> Exception:
    error = kind.__new__(kind)
    Exception.__init__(error, "401\nClient Error")
    return error


CASES = [
    (InputError("a\nb"), 2, "pgt-lora: a b"),
    (torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate"), 2, "--gradient_checkpointing true"),
    (hub_error(GatedRepoError), 2, "accept the terms"),
    (hub_error(RepositoryNotFoundError), 2, "no such repository"),
    (hub_error(LocalEntryNotFoundError), 2, "cannot be reached"),
    (OSError(errno.ENOSPC, "No space left on device"), 2, "the disk is full"),
    (PermissionError(errno.EACCES, "Permission denied", "/out"), 2, "/out"),
    (FileNotFoundError(errno.ENOENT, "No such file", "x"), 2, "no such file"),
    (SafetensorError("header"), 2, "broken or half-written"),
    (SafetensorError("Error while serializing: I/O error: No space left (os error 28)"), 2, "the disk is full"),
    (KeyboardInterrupt(), 130, "interrupted"),
    (RuntimeError("a riddle"), 1, "RuntimeError: a riddle; nobody has foreseen this"),
]


@pytest.mark.parametrize(("error", "status", "says"), CASES, ids=[type(case[0]).__name__ for case in CASES])
def test_one_line_and_an_exit_status(
    error: BaseException, status: int, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGT_LORA_DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended, exit_with_one_line():
        raise error
    said = capsys.readouterr().err
    assert ended.value.code == status
    assert said.count("\n") == 1
    assert said.startswith("pgt-lora: ")
    assert says in said
    if logged := re.search(r"\S+\.log", said):
        assert "Traceback" in Path(logged[0]).read_text(encoding="utf-8")
        Path(logged[0]).unlink()
    else:
        assert isinstance(error, InputError | KeyboardInterrupt)


def test_what_an_error_was_raised_from_explains_it() -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise RuntimeError("cannot be saved") from error
    except RuntimeError as error:
        assert "the disk is full" in (explain(error) or "")
    assert explain(ValueError("x")) is None


def test_the_traceback_is_shown_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGT_LORA_DEBUG", "1")
    with pytest.raises(RuntimeError, match="a riddle"), exit_with_one_line():
        raise RuntimeError("a riddle")
