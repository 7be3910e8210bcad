"""What the first pass tells before anything is written."""

from pathlib import Path

import pytest

from pgt_lora.data.readers.build import import_data
from tests.support import own_data
from tests.support.own_data import lines


def test_a_question_that_is_answered_twice_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, other, *_ = own_data.question_rows(tmp_path)
    where = tmp_path / "twice.jsonl"
    lines(where, [first, other, first])
    import_data(str(where), tmp_path / "same")
    assert "1 ask what an earlier row asks of the same images, all with its answer" in capsys.readouterr().out
    contrary = first | {"answer": "another"}
    lines(where, [first, other, first, contrary, first | {"image": other["image"]}])
    import_data(str(where), tmp_path / "contrary")
    said = "2 ask what an earlier row asks of the same images, 1 with another answer"
    assert f"{said}, as {where}, line 4 and {where}, line 1" in capsys.readouterr().out
