"""Shares that a person types."""

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.pairs import parse_shares


def test_shares_are_positive_numbers() -> None:
    assert parse_shares("--data", "pgt=0.9,mine.json") == {"pgt": 0.9, "mine.json": 1.0}
    for share in ("0", "-1", "nan", "inf", "half"):
        with pytest.raises(InputError, match=f"^--data a={share}: a share must be a positive number"):
            parse_shares("--data", f"a={share}")
