"""Two processes do not write one run."""

from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.lock import alone


def test_a_directory_is_one_process_s_until_it_ends(tmp_path: Path) -> None:
    with alone(tmp_path / "run"), alone(tmp_path / "other"):
        for same in (tmp_path / "run", tmp_path / "other" / ".." / "run"):
            with pytest.raises(InputError, match="another process is writing it"), alone(same):
                pass
    with pytest.raises(ZeroDivisionError), alone(tmp_path / "run"):
        _ = 1 / 0
    with alone(tmp_path / "run"):
        assert list(tmp_path.iterdir()) == []  # nothing is left beside what is locked
