"""Where the answers stand in the arms of a preset, layer by layer: the probes of the diagnosis, on the sets scored.

What was found of one run on one set lies in a file that is named by what makes it, so that it is found again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgt_lora.core.files import write_json
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.streams import stream
from pgt_lora.core.versions import versions
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.mix.draw import evenly
from pgt_lora.data.split import cell_of
from pgt_lora.evaluation.paired import Result
from pgt_lora.studies.compare.directory import short_hash
from pgt_lora.studies.compare.preset import Preset, Probes
from pgt_lora.studies.compare.runs import Run, score_name, scored
from pgt_lora.studies.diagnose.layers.layers import Figure, LayerProbes, layer_probes
from pgt_lora.studies.diagnose.layers.probe import check_installed
from pgt_lora.studies.diagnose.layers.problems import has_every_cell
from pgt_lora.studies.diagnose.layers.report import FILE, TITLES, figures_of, joined, layer_chart, read_layers
from pgt_lora.studies.diagnose.layers.sites import Probing, Site, check_probing, parse_sites
from pgt_lora.studies.diagnose.layers.standing import Verdict, strictest, verdicts


@dataclass(frozen=True)
class ProbedSet:
    """What was found on some rows of an evaluation set, and how many they are; `name` is that of the set."""

    name: str
    result: Result
    num_rows: int
    probes: LayerProbes

    @property
    def about(self) -> str:
        """Which rows were probed."""
        items = self.result.items
        return f"{items.title}: {self.num_rows:,} of {len(items.rows):,} rows"

    @property
    def directory(self) -> str:
        """Where all figures and their page lie, beside the report."""
        return f"layers/{self.name}"

    @property
    def verdicts(self) -> list[Verdict]:
        """Where the answers stand, arm by arm."""
        return verdicts(self.probes)

    def facts(self) -> dict[str, Any]:
        """Return what `results.json` says of it."""
        said = [vars(each) for each in self.verdicts]
        where = f"{self.directory}/{FILE}"
        return {"set": self.result.items.title, "rows": self.num_rows, "verdicts": said, "figures": where}


@dataclass(frozen=True)
class Panel:
    """One site on the comparison's page, of the split that the verdicts go by: a chart, and its figures by arm."""

    title: str
    svg: str
    chance: float
    points: tuple[str, ...]
    figures: Mapping[str, Sequence[Figure]]


def panels(probes: LayerProbes, color_of: Mapping[str, str]) -> list[Panel]:
    """Return what is shown of the probes, in the arms' colors."""
    by_site: dict[tuple[str, str, Site], list[Figure]] = {}
    for each in probes.figures:
        if each.split == strictest(probes, each.task):
            by_site.setdefault((each.task, each.template, each.site), []).append(each)
    return [
        Panel(
            f"{task}, template {template}, {TITLES[site]}",
            layer_chart(probes, task, template, site, strictest(probes, task), color_of),
            shown[0].chance,
            tuple(dict.fromkeys(each.point for each in shown)),
            {model: [each for each in shown if each.model == model] for model in probes.models},
        )
        for (task, template, site), shown in by_site.items()
    ]


def check_probes(preset: Preset, recipe: Recipe) -> None:
    """Check, before anything is made, that the arms of a preset can be probed.

    Raises:
        InputError: scikit-learn is missing, or the model does not have the layers, or the sites are not known.
    """
    if preset.probes:
        check_installed(f"--preset {preset.name}")
        probing = Probing(preset.probes.layers, parse_sites(preset.probes.at))
        check_probing(recipe.base, recipe.model.model_revision, probing)


def probe_arms(asked: Probes, runs: Sequence[Run], results: Mapping[str, Result], out: Path) -> list[ProbedSet]:
    """Probe the first seed of the arms that are asked for, all on the same rows and folds; what is done is not redone.

    Raises:
        InputError: as `layer_probes`.
    """
    first = {run.arm: run for run in reversed(runs)}
    found = []
    for name in asked.sets:
        result = results[name]
        places = probed_rows(result.items.path, asked.rows)
        parts = [_of_run(asked, first[arm], name, result, places, out) for arm in asked.arms]
        found.append(ProbedSet(name, result, len(places), joined(parts)))
    return found


def probed_rows(data: Path, number: int) -> list[int]:
    """Return the places of so many rows of a dataset directory, in their order; fewer rows are among more.

    They are as even as can be over the answers of each task and template and, where the directory holds every cell,
    over the cells: the control of shuffled answers changes those of cells that are alike in size.
    """
    rows = open_dataset(data, read_images=False).remove_columns("images")
    by_cell = has_every_cell(data)
    strata = [(f"{row['task']}/{row['template']}", row["answer"], str(cell_of(row)) if by_cell else "") for row in rows]
    return sorted(evenly(stream(0, "compare", "probes"), strata)[:number])


def _of_run(asked: Probes, run: Run, name: str, result: Result, places: Sequence[int], out: Path) -> LayerProbes:
    """Return what is found of a run on a set, from the file that holds it or by probing."""
    data = result.items.path
    made_of = [asked.layers, asked.at, list(places), versions("scikit-learn")]
    path = out / "probes" / run.name / f"{score_name(name, data)}-{short_hash(made_of)}.json"
    if not path.is_file():
        answers = result.predictions[run.arm][0]
        models = {run.arm: scored(run, out / "arms" / run.name)}
        answered = {run.arm: [answers[place] for place in places]}
        sites = parse_sites(asked.at)
        probes = layer_probes(models, data, run.recipe, asked.layers, sites, answered, places)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, figures_of(probes))
    return read_layers(path)
