"""The page of a run, on made-up scores."""

import re
from pathlib import Path
from typing import Any

from pgt_lora.core.html import render_page
from pgt_lora.core.html.charts import PALETTE, logged
from pgt_lora.evaluation.headline import RULES
from pgt_lora.evaluation.scoring import Score
from pgt_lora.studies.before_after.report import GAIN, TUNED, Comparison, Row

FACTS = {
    "steps": 3, "seconds": 2.0, "hardware": "a machine", "processes": 1, "supervised_tokens": 9,
    "placement": {"num_trainable": 1, "num_parameters": 2}, "content_hash": "c0ffee" * 6, "commit": "abc123-dirty",
    "versions": {"pgt-lora": "0.1.0"}, "finished": "2026-05-04T10:00:00+00:00",
    "data": {"num_samples": 5, "counts": {"caption": 5}},
}  # fmt: skip
LOG = [{"step": 1, "loss": 2.0, "learning_rate": 0.1}, {"step": 3, "loss": 1.0, "learning_rate": 0.05}]


def page(*rows: Row, facts: dict[str, Any] = FACTS) -> str:
    return render_page(
        "report.html.jinja", name="mine", base="a/b", facts=facts, recipe="", headline="Learned.", rules=RULES,
        command="pgt-lora run", data=Path("train"), sets={"own photos": (Path("own"), "feedbeef" * 5)},
        comparisons=[Comparison("own photos", rows)], gain=GAIN,
        charts=logged([{"arm": TUNED, "seed": None, "loss": LOG}], {TUNED: PALETTE[0]}),
        verification={"checks": []},
        examples=[],
    )  # fmt: skip


def test_own_free_text_has_its_measures_and_few_items_are_told() -> None:
    text = page(Row("caption", Score(2, 0, 0, 0.0, 0.0, 0.66, 0.25, 0.125), Score(2, 1, 0, 0.0, 0.09, 0.91, 0.75, 0.5)))
    assert ">25.0 → 75.0<" in text
    assert ">12.5 → 50.0<" in text
    assert text.count("n = 2") == 2  # in the table and at the bars
    assert "feedbeeffeedbeef" in text
    assert "abc123-dirty" in text
    assert 'datetime="2026-05-04T10:00:00+00:00">2026-05-04<' in text
    assert "<title>fine-tuned: 50.0% (9.0–91.0), chance 0.0</title>" in text


def test_what_was_logged_is_drawn_and_nothing_else() -> None:
    text = page(Row("count", Score(50, 0, 0, 0.0, 0.0, 0.1), Score(50, 50, 0, 0.0, 0.9, 1.0)))
    assert re.findall(r"<title>([^<]+?) up to step 3", text) == ["Training loss", "Learning rate"]
    assert "Learning rate: 1.0e-01 → 5.0e-02" in text
    assert "ANLS" not in text
    assert not re.search(r"\bn = \d", text)


def test_a_run_from_before_date_and_commit_were_kept_has_its_page() -> None:
    facts = {name: value for name, value in FACTS.items() if name not in ("commit", "finished")}
    text = page(Row("count", Score(50, 0, 0, 0.0, 0.0, 0.1), Score(50, 50, 0, 0.0, 0.9, 1.0)), facts=facts)
    assert "pgt-lora 0.1.0" in text
    assert "<time" not in text
    assert "commit <code>" not in text
