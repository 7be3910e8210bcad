"""Tables of runs: seeds together, bold by the corrected test, the paper's rows beside."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.evaluation.paper import BENCHMARKS, TABLE_2
from pgt_lora.studies.tables.export import all_tables
from pgt_lora.studies.tables.formats import Format, tex, written
from pgt_lora.studies.tables.table import PAPER
from tests.support.command import call
from tests.support.scored_runs import questions, scored, scored_run

BEFORE = {"relation": 0.9, "distance": 0.3}
AFTER = {"relation": 0.1, "distance": 0.9}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return questions(tmp_path_factory.mktemp("tables") / "pgt")


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("runs")
    two_seeds = [scored_run(root / f"my_run-{seed}", data, BEFORE, AFTER, seed=seed) for seed in (0, 1)]
    return [*two_seeds, scored_run(root / "other", data, BEFORE, BEFORE, learning_rate=1.0)]


def test_seeds_are_one_row_and_what_differs_is_told(runs: list[Path]) -> None:
    (table,) = all_tables(runs)
    (block,) = table.blocks
    assert table.columns == ("distance", "relation", "mean")
    assert [(row.arm, row.num_seeds) for row in block.rows] == [("base", 1), ("my_run-0", 2), ("other", 1)]
    base, mine, other = block.rows
    assert [cell.differs for cell in mine.cells[:2]] == [1, -1]
    assert [cell.differs for cell in other.cells] == [0, 0, 0]
    assert [cell.differs for cell in base.cells] == [0, 0, 0]
    assert mine.cells[0].spread is not None
    assert other.cells[0].spread is None
    assert sum(table.counts[:2]) == 80


def test_arms_of_unequal_numbers_of_seeds_are_compared_with_the_base_and_not_with_each_other(
    runs: list[Path], data: Path, tmp_path: Path
) -> None:
    others = [scored_run(tmp_path / f"o{seed}", data, BEFORE, AFTER, seed=seed, lora_r=2) for seed in (0, 1, 2)]
    ((block,),) = (table.blocks for table in all_tables([*runs[:2], *others]))
    assert [(row.arm, row.num_seeds) for row in block.rows] == [("base", 1), ("my_run-0", 2), ("o0", 3)]
    assert [[cell.differs for cell in row.cells[:2]] for row in block.rows[1:]] == [[1, -1], [1, -1]]
    without = [Path(shutil.copytree(run, tmp_path / f"no-base-{run.name}")) for run in (*runs[:2], *others)]
    for run in without:
        shutil.rmtree(run / "base")
    with pytest.raises(InputError, match=r"no-base-o0 has 3 seeds and no-base-my_run-0, .* 2; give"):
        all_tables(without)
    assert [row.num_seeds for row in all_tables([*without[:2], *without[2:4]])[0].blocks[0].rows] == [2, 2]


def test_the_three_forms(runs: list[Path]) -> None:
    tables = all_tables(runs)
    value, lost, _ = (f"{100 * cell.value:.1f}" for cell in tables[0].blocks[0].rows[1].cells)
    spread = f"{100 * tables[0].blocks[0].rows[1].cells[0].spread:.1f}"
    latex = written(tables, Format.LATEX, ["pgt-lora", "table"])
    assert latex.startswith("% pgt-lora table\n")
    assert rf"my\_run-0 (2 seeds) & \textbf{{{value}}} $\pm$ {spread} & {lost}$^{{\downarrow}}$" in latex
    assert latex.count(r"\toprule") == latex.count(r"\bottomrule") == 1
    in_table = [line for line in latex.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert {line.count(" & ") for line in in_table} == {3}
    text = written(tables, Format.MARKDOWN, [])
    assert f"**{value}** ± {spread} | {lost} ↓" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1
    lines = list(csv.DictReader(io.StringIO(written(tables, Format.CSV, []))))
    mine = {line["column"]: line for line in lines if line["arm"] == "my_run-0"}
    assert f"{100 * float(mine['distance']['accuracy']):.1f}" == value
    assert [mine[name]["differs"] for name in ("distance", "relation")] == ["1", "-1"]
    assert mine["distance"]["seeds"] == "2"
    assert float(mine["distance"]["p"]) < 0.05


def test_the_papers_rows_are_labeled_as_the_papers(data: Path, tmp_path: Path) -> None:
    base = "Qwen/Qwen2.5-VL-7B-Instruct"
    tables = all_tables([scored_run(tmp_path / "seven", data, BEFORE, AFTER, base=base)])
    assert [table.title for table in tables] == ["Held-out PGT", PAPER]
    text = written(tables, Format.MARKDOWN, [])
    scores = TABLE_2[base].scores
    for arm in scores:
        row = f"| Qwen2.5-VL-7B | {arm} (paper) | {' | '.join(f'{each:.1f}' for each in scores[arm])} |"
        assert row in text
    assert text.count("(paper) |") == len(scores)
    lines = list(csv.DictReader(io.StringIO(written(tables, Format.CSV, []))))
    assert sum(line["source"] == "paper" for line in lines) == len(scores) * len(BENCHMARKS)


def test_a_comparison_of_what_was_trained_before_is_of_its_base(data: Path, tmp_path: Path) -> None:
    for arm, right in (("base", BEFORE), ("mine", AFTER)):
        scored(tmp_path / "scores" / f"{arm}-0" / "pgt", data, right)
    asked = {"model": "qwen2.5-vl-7b", "base": "Qwen/Qwen2.5-VL-7B-Instruct", "arms": ["base", "mine"]}
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    runs = [{"arm": arm, "name": f"{arm}-0", "seed": None} for arm in ("base", "mine")]
    (tmp_path / "results.json").write_text(json.dumps({"runs": runs}))
    tables = all_tables([tmp_path])
    assert [table.title for table in tables] == ["Held-out PGT", PAPER]  # which is told of the base alone
    assert [row.arm for row in tables[0].blocks[0].rows] == ["base", "mine"]


def test_what_cannot_be_a_table_is_one_line(runs: list[Path], data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no scores"):
        all_tables([tmp_path])
    half = tmp_path / "half"
    shutil.copytree(runs[0], half)
    shutil.rmtree(half / "finetuned")
    with pytest.raises(InputError, match="not scored after training yet; finish it with: pgt-lora run"):
        all_tables([half])
    gone = shutil.copytree(data, tmp_path / "gone")
    run = scored_run(tmp_path / "run", gone, BEFORE, AFTER)
    shutil.rmtree(gone)
    with pytest.raises(InputError, match=r"gone: missing, but .*run/base/pgt was scored on it"):
        all_tables([run])
    questions_again = shutil.copytree(data, gone)
    manifest = questions_again / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"content_hash": "', '"content_hash": "0'))
    with pytest.raises(InputError, match="no longer what"):
        all_tables([run])


def test_the_command(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tables" / "pgt.tex"
    assert call(monkeypatch, capsys, "table", *runs, "--format", "latex", "--out", out)[0] == 0
    assert r"\usepackage{booktabs}" in out.read_text()
    status, error = call(monkeypatch, capsys, "table", *runs, "--format", "word")
    assert status == 2
    assert "known: csv, latex, markdown" in error


def test_latex_of_any_text() -> None:
    assert tex(r"50%_of {a}\b~^") == r"50\%\_of \{a\}\textbackslash{}b\textasciitilde{}\textasciicircum{}"
