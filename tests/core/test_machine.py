"""What the collector is kept from while a command imports, and that it works again afterwards."""

import gc
import subprocess
import sys

import pytest

from pgt_lora.core.machine import importing

# A process of its own: what is left alone stays so.
COMMAND = """
import gc
from contextlib import suppress
from pgt_lora.core.machine import importing

with suppress(ImportError), importing():
    assert not gc.isenabled()
    imported = [[]]
    assert any(each is imported for each in gc.get_objects())
    raise ImportError
assert gc.isenabled()
assert not any(each is imported for each in gc.get_objects())
"""


def test_what_is_imported_is_left_alone_from_then_on() -> None:
    subprocess.run([sys.executable, "-c", COMMAND], check=True)


def test_nothing_is_left_alone_where_there_may_be_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys)
    with importing():
        assert gc.isenabled()
        kept: list[object] = [[]]
    assert any(each is kept for each in gc.get_objects())
