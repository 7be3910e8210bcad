"""The probes of a preset: which rows, what is kept of them, and where they stand on the comparison's page."""

import json
import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.html.charts import PALETTE
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.streams import stream
from pgt_lora.data.directory import open_dataset, write_manifest, write_samples
from pgt_lora.data.generate import find_scene, to_sample
from pgt_lora.data.probes import probe_samples
from pgt_lora.data.split import cell_of
from pgt_lora.data.tasks.absolute_position import TASK, exhaust
from pgt_lora.evaluation.evaluate import prediction
from pgt_lora.evaluation.paired import BASE, Result, read_items
from pgt_lora.models.checkpoint import Checkpoint
from pgt_lora.models.names import resolve
from pgt_lora.studies.compare import preset as presets
from pgt_lora.studies.compare import probes as compare_probes
from pgt_lora.studies.compare.compare import compare
from pgt_lora.studies.compare.preset import Probes, load_preset
from pgt_lora.studies.compare.probes import ProbedSet, check_probes, probe_arms, probed_rows
from pgt_lora.studies.compare.report import write_pages
from pgt_lora.studies.compare.runs import Run
from pgt_lora.studies.diagnose.layers import layers
from pgt_lora.studies.diagnose.layers.layers import Figure, LayerProbes, layer_probes
from pgt_lora.studies.diagnose.layers.problems import Split
from pgt_lora.studies.diagnose.layers.report import figures_of, read_layers
from pgt_lora.studies.diagnose.layers.sites import Site
from pgt_lora.studies.diagnose.shares import Share
from tests.support.comparisons import FEW, SMALL, made_up, made_up_page
from tests.support.discovered import TASKS

NOTHING, ALL = Share(10, 90), Share(80, 90)


@pytest.fixture
def relation_dir(tmp_path: Path) -> Path:
    """Two boxes, one question: 48 images with two answers to each of two questions."""
    (directory := tmp_path / "relation").mkdir()
    samples = [sample for index in range(24) for sample in probe_samples(TASKS["relation"], index, SMALL)]
    written = write_samples(directory, (sample for sample in samples if sample.to_row()["template"] == "A"))
    write_manifest(directory, {}, written)
    return directory


def found_in(result: Result) -> ProbedSet:
    """Made-up probes: `base` has the answer nowhere, `better` behind layer 1."""
    figures = [
        Figure(model, "relation", "A", site, point, split, 0.12, right, NOTHING, NOTHING, NOTHING)
        for model, right in (("base", NOTHING), ("better", ALL))
        for site in (Site.QUESTION, Site.IMAGE)
        for point in ("0", "1")
        for split in Split
    ]
    own = {("base", "relation", "A"): NOTHING, ("better", "relation", "A"): NOTHING}
    left_out = ("Not probed: 9 rows of coordinates: its answers are no finite set",)
    probes = LayerProbes("DIR", ("base", "better"), tuple(figures), own, left_out)
    return ProbedSet("held-out", result, 90, probes)


def test_fewer_rows_are_among_more_and_even_over_answers_and_cells(tmp_path: Path) -> None:
    (directory := tmp_path / "position").mkdir()
    questions = list(exhaust(stream(0, "test"), SMALL))[:700]
    scenes = [find_scene(stream(0, "test", at), TASK, each, SMALL)[0] for at, each in enumerate(questions)]
    samples = (to_sample(str(at), str(at), TASK, *each) for at, each in enumerate(zip(questions, scenes, strict=True)))
    written = write_samples(directory, samples)
    for asked in ({"exhaustive": True}, {}):
        write_manifest(directory, asked, written)
        rows = open_dataset(directory)
        chosen = [probed_rows(directory, number) for number in (81, 162, 1000)]
        assert set(chosen[0]) < set(chosen[1]) < set(chosen[2]) == set(range(700))
        for places in chosen[:2]:
            assert places == sorted(places)
            picked = [rows[place] for place in places]
            assert set(Counter(row["answer"] for row in picked).values()) == {len(places) // 9}
            assert (set(Counter(map(cell_of, picked)).values()) == {len(places) // 81}) == bool(asked)


def test_what_is_written_is_read_again(held_out_dir: Path, tmp_path: Path) -> None:
    probes = found_in(made_up(held_out_dir, {"better": 0.9})).probes
    (path := tmp_path / "layers.json").write_text(json.dumps(figures_of(probes)))
    assert read_layers(path) == probes


def test_the_page_says_where_the_answers_stand(held_out_dir: Path, recipe: Recipe, tmp_path: Path) -> None:
    result = made_up(held_out_dir, {"better": 0.9, "other": 0.9})
    page = made_up_page(result, recipe)
    write_pages(page, tmp_path)
    assert not [name for name in ("report.html", "report.md") if "layer by layer" in (tmp_path / name).read_text()]
    assert "probes" not in json.loads((tmp_path / "results.json").read_text())
    write_pages(replace(page, probed=[found_in(result)]), tmp_path)
    html, text = ((tmp_path / name).read_text() for name in ("report.html", "report.md"))
    for shown in (html, text):
        assert f"{result.items.title}: 90 of 400 rows" in shown
        assert "nowhere" in shown and "there, but not said" in shown
        assert "9 rows of coordinates" in shown
        assert "layers/held-out/layers.html" in shown
    assert html.count("<title>Accuracy in percent: relation, template A") == 2  # the folds by cell alone
    assert "&#" not in text  # what is included is escaped as Markdown, too
    assert "| better | 88.9\\* | 88.9\\* |" in text and "| base | 11.1 | 11.1 |" in text
    for shown in (html, (tmp_path / "layers" / "held-out" / "layers.html").read_text()):
        dotted = re.findall(r'<polyline [^>]*stroke="(#\w+)"[^>]*stroke-dasharray', shown)
        assert PALETTE[1] in dotted  # the color of the second arm on both pages
    told = json.loads((tmp_path / "results.json").read_text())["probes"]
    assert [each["standing"] for each in told[0]["verdicts"]] == ["nowhere", "there, but not said"]
    assert len(json.loads((tmp_path / told[0]["figures"]).read_text())["figures"]) == 16


def test_a_missing_package_is_named_before_anything_is_made(
    root: Path, recipe: Recipe, data_overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    named, preset = resolve("tiny-qwen2.5-vl", data_overrides), load_preset("position")
    with pytest.raises(InputError, match=r"--preset position needs scikit-learn: pip install 'pgt-lora\[probes\]'"):
        compare(named, "", "0", [], root / "out", data_overrides, preset=preset)
    assert list(root.iterdir()) == []
    check_probes(load_preset("transfer"), recipe)  # has no probes, and needs none


def test_layers_that_the_model_does_not_have_are_told_before_anything_is_made(root: Path, recipe: Recipe) -> None:
    preset = load_preset("position")
    assert preset.probes
    for changed, says in (({"layers": "0,99"}, "has the layers 0 to"), ({"at": "question,tail"}, "unknown 'tail'")):
        with pytest.raises(InputError, match=says):
            check_probes(replace(preset, probes=replace(preset.probes, **changed)), recipe)
    assert list(root.iterdir()) == []


def test_where_nothing_can_be_probed_no_model_is_loaded(data_dir: Path, recipe: Recipe) -> None:
    probes = layer_probes({"none": Checkpoint("nowhere")}, data_dir, recipe)
    assert not probes.figures and probes.models == ("none",)
    assert any("under 9 images of an answer" in line for line in probes.left_out)


def test_nothing_is_answered_or_probed_twice(
    root: Path, recipe: Recipe, relation_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = read_items("Relation", relation_dir)
    right = [prediction(row, row["answer"]) for row in open_dataset(relation_dir)]
    results = {"relation": Result(items, {BASE: [right]})}
    asked = Probes((BASE,), ("relation",), "0,5", "question", 40)

    def never(*words: Any, **named: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(layers, "predict", never)
    (found,) = probe_arms(asked, [Run(BASE, recipe)], results, root / "out")
    assert [(each.point, each.right.total) for each in found.probes.figures] == [("0", 40), ("5", 40)]
    assert found.probes.own == {(BASE, "relation", "A"): Share(40, 40)}
    monkeypatch.setattr(compare_probes, "layer_probes", never)
    assert probe_arms(asked, [Run(BASE, recipe)], results, root / "out") == [found]
    with pytest.raises(AssertionError):
        probe_arms(replace(asked, rows=44), [Run(BASE, recipe)], results, root / "out")


@pytest.mark.slow
def test_a_preset_trains_scores_probes_and_goes_on(
    root: Path, overrides: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(presets, "PRESETS", root)
    said = "probes: {arms: [base, pgt], sets: [pgt], layers: every:4, at: question, rows: 100}"
    (root / "mine.yaml").write_text(f"arms: [base, pgt, pgt-permuted]\nsets: [pgt]\n{said}\n")
    few = [*overrides, *FEW, "--num_test_samples", "140", "--tasks", "relation=1"]
    words = (resolve("tiny-qwen2.5-vl", few), "", "0,1", [], root / "out", few)
    compare(*words, preset=load_preset("mine"))
    files = sorted((root / "out" / "probes").glob("*/*.json"))
    assert [path.parent.name.rpartition("-")[0] for path in files] == ["base", "pgt-seed0"]
    told = json.loads((root / "out" / "results.json").read_text())["probes"]
    assert {each["model"] for each in told[0]["verdicts"]} == {"base", "pgt"}
    assert told[0]["rows"] == 100
    figures = json.loads((root / "out" / told[0]["figures"]).read_text())["figures"]
    assert {each["point"] for each in figures} == {"0", "4", "5"}
    assert "layer by layer" in (root / "out" / "report.html").read_text()
    assert "100 of 140 rows" in capsys.readouterr().out
    times = [path.stat().st_mtime_ns for path in files]
    compare(*words, preset=load_preset("mine"))
    assert [path.stat().st_mtime_ns for path in files] == times
