"""Shares of a mix."""

from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.mix.draw import apportion
from tests.support.mixes import mix


def test_shares(standin: Path, tmp_path: Path) -> None:
    manifest = mix(standin, tmp_path / "a", 20, shares={"tallyqa": 2, "vsr": 1, "spatialladder": 1})
    assert manifest["counts"] == {"spatialladder": 5, "tallyqa": 10, "vsr": 5}
    assert apportion(5000, {"a": 1, "b": 1, "c": 1}) == {"a": 1667, "b": 1667, "c": 1666}
    assert apportion(7, {"a": 0.5, "b": 0.25}) == {"a": 5, "b": 2}
    with pytest.raises(InputError, match="too few"):
        apportion(2, {"a": 1, "b": 1, "c": 1})
