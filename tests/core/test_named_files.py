"""Files that pages and docstrings name are there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "pgt_lora").rglob("*.py"),
]
NAMED = re.compile(r"`((?:tests|pgt_lora|docs|recipes)/(?![\w/-]*(?:NAME|MODEL))[\w./-]+\.\w+)`")


def test_every_file_that_is_named_is_there() -> None:
    named = {(page, path) for page in PAGES for path in NAMED.findall(page.read_text(encoding="utf-8"))}
    assert len(named) > 10
    assert [f"{page.name}: {path}" for page, path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_module_that_is_named_is_there() -> None:
    pages = [page for page in PAGES if page.suffix == ".md"]
    named = {name for page in pages for name in re.findall(r"`(pgt_lora(?:\.\w+)+)`", page.read_text(encoding="utf-8"))}
    assert named
    for name in named:
        path = ROOT / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), name
