"""What the report says, and warns of."""

from dataclasses import replace
from pathlib import Path

from pgt_lora.core.terminal import console
from pgt_lora.evaluation.paired import Contrast
from pgt_lora.studies.benchmarks.report import Reference, print_report, write_report
from pgt_lora.studies.benchmarks.scores import Estimate, set_up_differs
from tests.support.recorded_logs import QWEN, report


def test_a_base_that_scores_otherwise_than_in_the_paper_is_pointed_out_first(tmp_path: Path) -> None:
    assert not set_up_differs(Estimate(0.40, 0.38, 0.4196, 99), 0.42)  # the paper rounds
    assert set_up_differs(Estimate(0.40, 0.38, 0.41, 99), 0.42)
    found = report(False, mmvp=(0.37, 0.33, 0.41), pope=(0.70, 0.68, 0.72))
    assert found.warnings[0].startswith("The base scores otherwise here than in the paper")
    assert "pope 70.0 (paper 87.5)" in found.warnings[0]
    assert "mmvp 37" not in found.warnings[0]
    with console.capture() as captured:
        print_report(found)
    shown = captured.get()
    assert shown.startswith("The base scores otherwise")
    assert "pope ≠" in shown
    assert "87.5" in shown
    assert "Unread" in shown and "12.5" in shown
    write_report(found, tmp_path)
    page = (tmp_path / "report.md").read_text()
    assert page.index("The base scores otherwise") < page.index("| pope ≠ | 100 | 70.0 |")
    assert "| paper: base | paper: pgt | paper: specialized-mix |" in page
    assert "| pope ≠ | 100 | 70.0 | 68.0–72.0 | 12.5 |" in page
    assert "| General | 9 | 50.0 | 40.0–60.0 | 12.5 | gqa, ai2d, pope" in page


def test_of_a_trained_model_it_is_said_how_to_see_whether_the_set_up_differs() -> None:
    found = report(True, pope=(0.70, 0.68, 0.72))
    assert not found.differs("pope")
    assert f"pgt-lora benchmark {QWEN}" in found.warnings[0]


def test_the_base_given_as_reference_shows_whether_the_set_up_differs() -> None:
    scores = {"pope": Estimate(0.70, 0.68, 0.72, 100)}
    for is_base in (True, False):
        reference = Reference("other", is_base, scores, Contrast("mine", "other", "Benchmarks", ()))
        found = replace(report(True, pope=(0.875, 0.86, 0.89)), reference=reference)
        assert found.differs("pope") == is_base
        assert ("pope 70.0 (paper 87.5)" in found.warnings[0]) == is_base


def test_blink_says_what_serves_as_relational() -> None:
    assert any("Spatial_Relation serves" in each for each in report(False, blink=(0.676, 0.6, 0.7)).warnings)
