"""docs/architecture.md against the tree: every module has its line there, and every file named there exists."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "pgt_lora"
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LISTED = re.findall(r"^(\S+\.py) +(\S.*)$", TEXT, re.MULTILINE)
# `data/pgt.py` and `pgt_lora/data/pgt.py`, but neither `tests/data/test_NAME.py` nor `Family.lora_targets`.
NAMED = [name for name in re.findall(r"`([\w./-]+/[\w.-]+)`", TEXT) if not re.search(r"NAME|MODEL|shipped|tests", name)]


def test_every_module_has_one_line() -> None:
    tree = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
    listed = sorted(path for path, _ in LISTED)
    assert len(tree) > 100
    assert [path for path in tree if path not in listed] == [], "these lack a line"
    assert [path for path in listed if path not in tree] == [], "these are gone"
    assert len(set(listed)) == len(listed)


def test_layers_stand_in_their_order() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = contract[0]["layers"][::-1]
    first_lines = list(dict.fromkeys(path.partition("/")[0] for path, _ in LISTED if "/" in path))
    assert first_lines == layers
    assert re.findall(r"^\*\*(\w+)\*\* ", TEXT, re.MULTILINE) == layers
    assert re.findall(r"`(\w+)`", TEXT.partition("`make lint`")[0]) == layers


def test_named_files_exist() -> None:
    assert len(NAMED) > 40
    assert [name for name in NAMED if not (ROOT / name).exists() and not (PACKAGE / name).exists()] == []
