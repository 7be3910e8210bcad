"""The notebook runs from its first cell to its last, offline."""

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).resolve().parents[1] / "examples" / "first-hour.ipynb"


def cells() -> list[str]:
    """The code of the notebook, cell by cell."""
    read = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert read["nbformat"] == 4
    return ["".join(cell["source"]) for cell in read["cells"] if cell["cell_type"] == "code"]


def test_every_cell_is_python() -> None:
    assert len(cells()) >= 6
    for cell in cells():
        compile(cell, NOTEBOOK.name, "exec")


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    monkeypatch.setattr("tempfile.mkdtemp", lambda: str(tmp_path))
    names: dict[str, Any] = {}
    for cell in cells():
        exec(compile(cell, NOTEBOOK.name, "exec"), names)
    gains = [names["after"][task].accuracy - names["before"][task].accuracy for task in names["after"]]
    assert sum(gains) / len(gains) > 0.1
    assert (tmp_path / "diagnosis" / "diagnosis.html").is_file()
