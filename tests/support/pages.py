"""Every page of the kit, written with no model: of made-up answers, logs and probes."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pgt_lora.core.recipe import Recipe
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.generate import generate
from pgt_lora.data.preview import Audit, write_preview
from pgt_lora.data.turns import question
from pgt_lora.evaluation.paired import Result, contrasts
from pgt_lora.studies.before_after.report import write_report
from pgt_lora.studies.compare.overview import overview
from pgt_lora.studies.compare.probes import ProbedSet
from pgt_lora.studies.compare.report import write_pages
from pgt_lora.studies.compare.sets import EvaluationSet
from pgt_lora.studies.diagnose.layers.layers import Figure, LayerProbes
from pgt_lora.studies.diagnose.layers.problems import Split
from pgt_lora.studies.diagnose.layers.report import write_layers
from pgt_lora.studies.diagnose.layers.sites import Site
from pgt_lora.studies.diagnose.report import write_pages as write_diagnosis
from pgt_lora.studies.diagnose.shares import Share
from tests.support.comparisons import SMALL, made_up, made_up_page
from tests.support.diagnoses import planted_diagnosis
from tests.support.planted import Model
from tests.support.scored_runs import scored

LOG = [
    {"step": step, "loss": 3 * math.exp(-step / 40), "learning_rate": 1e-3 * (1 - step / 160),
     "grad_norm": 2 + math.sin(step), "mean_token_accuracy": 1 - math.exp(-step / 40)}
    for step in range(1, 157, 5)
]  # fmt: skip
FACTS = {
    "steps": 156, "seconds": 74.2, "hardware": "a machine", "processes": 1, "supervised_tokens": 20000,
    "placement": {"num_trainable": 12288, "num_parameters": 1500000}, "content_hash": "ab" * 20,
    "versions": {"pgt-lora": "0.1.0"}, "commit": "3bd0f03abcd1-dirty", "finished": "2026-11-30T00:10:00+00:00",
    "data": {"num_samples": 5000, "counts": {"relation": 5000}},
}  # fmt: skip


def report(out: Path, data: Path, recipe: Recipe) -> Path:
    """Write the page of a run that was scored on one set."""
    tasks = json.loads((data / "manifest.json").read_text(encoding="utf-8"))["counts"]
    for stage, right in (("base", 0.3), ("finetuned", 0.9)):
        scored(out / stage / "pgt", data, dict.fromkeys(tasks, right))
    checks = [{"name": "every tensor", "passed": True, "figures": "largest difference 0"}]
    for name, told in (
        ("adapter/run.json", FACTS), ("adapter/loss.json", LOG), ("merged/verification.json", {"checks": checks}),
    ):  # fmt: skip
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text(json.dumps(told), encoding="utf-8")
    write_report(out, recipe, {"pgt": data}, Path("data/pgt-train"))
    return out / "report.html"


def comparison(out: Path, data: Path, recipe: Recipe, rights: dict[str, float], few: int) -> Path:
    """Write the page of a preset over two sets, the second cut from a few images, with two seeds."""
    asked = [question(row) for row in open_dataset(data)]
    results = [answers(data, chances, asked) for chances in (rights, {arm: each / 2 for arm, each in rights.items()})]
    items = [replace(each.items, title=title) for each, title in zip(results, ("Home", "Away"), strict=True)]
    items[1] = replace(items[1], group=items[1].group % few)
    results = [replace(each, items=its) for each, its in zip(results, items, strict=True)]
    told = contrasts(results, list(results[0].predictions))
    sets = [EvaluationSet(each.title, f"what {each.title} is, in words", lambda recipe: Path()) for each in items]
    page = made_up_page(results[0], recipe, 2)
    runs = [run | ({"loss": LOG} if "loss" in run else {}) for run in page.runs]
    out.mkdir()
    found = overview("trial", sets, results, told)
    probed = ProbedSet("home", results[0], 40, probes_of(list(rights), 6))
    write_pages(replace(page, results=results, contrasts=told, overview=found, runs=runs, probed=[probed]), out)
    return out / "report.html"


def answers(data: Path, chances: dict[str, float], asked: Sequence[str]) -> Result:
    """Return made-up answers of two seeds, with the questions, which say where an object is looked for."""
    result = made_up(data, chances, 2)
    predictions = {
        arm: [[made | {"question": each} for made, each in zip(seed, asked, strict=True)] for seed in seeds]
        for arm, seeds in result.predictions.items()
    }
    return replace(result, predictions=predictions)


def probes_of(models: Sequence[str], num_layers: int) -> LayerProbes:
    """Return probes that find the more, the later the layer."""
    points = ["tower", "projector", *map(str, range(num_layers))]
    figures = tuple(
        Figure(model, "relation", "A", site, point, Split.IMAGE, 0.5,
               Share(50 + 45 * place / len(points) - 5 * at, 100), Share(51, 100), Share(49, 100), Share(47, 100))
        for at, model in enumerate(models) for site in Site for place, point in enumerate(points)
    )  # fmt: skip
    own = {(model, "relation", "A"): Share(70, 100) for model in models}
    return LayerProbes("data/probes", tuple(models), figures, own, ())


def layers(out: Path, models: Sequence[str], num_layers: int) -> Path:
    """Write the page of probes."""
    out.mkdir()
    write_layers(probes_of(models, num_layers), out, "made up", "a command")
    return out / "layers.html"


def pages(
    root: Path, recipe: Recipe, probes: Path, model: Model, num_samples: int = 60, num_layers: int = 6
) -> dict[str, Path]:
    """Write every page below a directory, and return them by name."""
    data = root / "pgt"
    generate(data, num_samples=num_samples, seed=3, split="test", settings=SMALL)
    areas = root / "areas"
    generate(areas, num_samples=num_samples, seed=4, split="test", settings=SMALL, weights={"absolute_position": 1.0})
    audit = Audit((("a question", False), ("an answer", True)), 5, 2)
    write_preview(data, root / "preview.html", num_samples, lambda row: audit)
    (root / "diagnosis").mkdir()
    write_diagnosis(planted_diagnosis(probes, model), root / "diagnosis")
    twins = {"pgt": 0.9, "pgt-permuted": 0.6}
    return {
        "report": report(root / "run", data, recipe),
        "preset with twins": comparison(root / "twins", data, recipe, twins, 5),
        "preset without twins": comparison(root / "alone", areas, recipe, {"data": 0.5, "overlay-100": 0.9}, 2),
        "diagnosis": root / "diagnosis" / "diagnosis.html",
        "layers": layers(root / "layers", ("base", "fine-tuned"), num_layers),
        "preview": root / "preview.html",
    }
