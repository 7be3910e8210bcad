"""The files that hold a checkpoint's weights."""

import json
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.models.weight_files import INDEX, weight_files


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be read .Expecting property name"),
        ("{}", "is not an index of weights"),
        ("[]", "is not an index of weights"),
        (json.dumps({"weight_map": {"a": "gone.safetensors"}}), "gone.safetensors: missing"),
    ],
)
def test_an_index_that_cannot_be_used_says_why(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text(text)
    with pytest.raises(InputError, match=says):
        weight_files(tmp_path)
