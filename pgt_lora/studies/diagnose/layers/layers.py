"""Where the answers stand in a model, before and after fine-tuning: figures of linear probes, layer by layer."""

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pgt_lora.core.errors import InputError
from pgt_lora.core.machine import free_gpu
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import track
from pgt_lora.data.checked_images import checked_images
from pgt_lora.data.directory import open_dataset
from pgt_lora.evaluation.evaluate import load_for_evaluation, predict
from pgt_lora.evaluation.generation import Generation
from pgt_lora.models.checkpoint import Checkpoint, without_adapter
from pgt_lora.models.encoding import Encoder
from pgt_lora.studies.diagnose.figures import share
from pgt_lora.studies.diagnose.layers.probe import Labels, check_installed, predicted
from pgt_lora.studies.diagnose.layers.problems import (
    Problem,
    Split,
    has_every_cell,
    not_asked,
    problems_of,
    readings,
)
from pgt_lora.studies.diagnose.layers.sites import Site, check_sites, parse_layers, slots
from pgt_lora.studies.diagnose.layers.states import StateFiles, capture, num_bytes, points
from pgt_lora.studies.diagnose.shares import Share


@dataclass(frozen=True)
class Figure:
    """What a probe finds at one site, behind one part of one model, of one task in one template.

    `chance` is the share of the commonest answer. `shuffled` is the same probe on answers that the images changed among
    themselves, `swapped` on the states of another image under the same question. `elsewhere`, of objects alone, is the
    probe on the same tokens of the other image: what it finds is the place of the tokens, whatever lies there.
    """

    model: str
    task: str
    template: str
    site: Site
    point: str
    split: Split
    chance: float
    right: Share
    shuffled: Share
    swapped: Share
    elsewhere: Share | None = None

    @property
    def stands(self) -> bool:
        """Whether the answer stands there: the 99.9% interval lies above chance and above that of another image."""
        return self.right.low > max(self.chance, self.swapped.high)


@dataclass(frozen=True)
class LayerProbes:
    """All figures of some models on one dataset; `own` holds each model's own accuracy by task and template."""

    data: str
    models: tuple[str, ...]
    figures: tuple[Figure, ...]
    own: Mapping[tuple[str, str, str], Share]
    left_out: tuple[str, ...]


def layer_probes(
    models: Mapping[str, Checkpoint],
    data: Path,
    recipe: Recipe,
    layers: str = "all",
    sites: Sequence[Site] = tuple(Site),
    answered: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    places: Sequence[int] | None = None,
) -> LayerProbes:
    """Probe the states of models on a dataset directory, all on the same folds, and score their own answers.

    The recipe says in which type the models are loaded, how many rows are read at a time, and how answers are made.
    `places` are those of the rows that are probed, where not all are. `answered` holds the predictions of models that
    have answered these rows already, by name. Where nothing can be probed, there are no figures, and `left_out` says
    why.

    Raises:
        InputError: scikit-learn is missing, a site is not known of the family, a row has not one image, or the states
            would not fit on the disk.
    """
    check_installed()
    rows = open_dataset(data) if places is None else open_dataset(data).select(places)
    read = checked_images(rows, data)
    known = [{name: value for name, value in row.items() if name != "images"} for row in read]
    problems, left_out = problems_of(known, has_every_cell(data))
    figures: list[Figure] = []
    own: dict[tuple[str, str, str], Share] = {}
    for name, checkpoint in models.items() if problems else ():
        model, encoder = load_for_evaluation(checkpoint, recipe)
        generation = Generation(recipe.sft.per_device_eval_batch_size, recipe.kit.max_new_tokens)
        predictions = (answered or {}).get(name) or predict(model, encoder, rows, generation)
        own |= own_accuracy(name, predictions, known)
        figures += probe_model(name, model, encoder, rows, known, problems, layers, sites, generation.batch_size)
        del model
        free_gpu()
    return LayerProbes(str(data), tuple(models), tuple(figures), own, (*left_out, *not_asked(problems, sites)))


def own_accuracy(
    name: str, predictions: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str, str], Share]:
    """Return the accuracy of a model's own answers by its name, task and template, an image counted once."""
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        groups[name, row["task"], row["template"]].append(place)
    return {
        key: share((predictions[place]["correct"] for place in places), (rows[place]["group"] for place in places))
        for key, places in groups.items()
    }


def probe_model(
    name: str, model: Any, encoder: Encoder, rows: Any, known: Sequence[Mapping[str, Any]],
    problems: Sequence[Problem], layers: str, sites: Sequence[Site], batch_size: int,
) -> list[Figure]:  # fmt: skip
    """Return the figures of one model: its states are written to a temporary directory, and probed file by file.

    Raises:
        InputError: as `layer_probes`.
    """
    base, family = without_adapter(model), encoder.family
    check_sites(family, sites)
    chosen = parse_layers(layers, len(base.get_submodule(family.text_model).layers))
    sites = [site for site in sites if any(problem.is_asked_at(site) for problem in problems)]
    with TemporaryDirectory(prefix="pgt-lora-states-") as directory:
        files = []
        for swapped in (False, True):
            asked = readings(problems, known, swapped)
            _check_disk(Path(directory), 2 * num_bytes(base, len(asked), slots(asked), chosen, sites))
            (inside := Path(directory) / str(swapped)).mkdir()
            what = f"Reading states of {name}{', images swapped' if swapped else ''}"
            files.append(capture(model, encoder, rows, asked, chosen, sites, batch_size, inside, what))
        probed = [(site, point) for site in sites for point in points(chosen, site, family.whole_view is not None)]
        found = []
        for site, point in track(probed, len(probed), f"Probing {name}"):
            found += list(_figures(name, problems, site, point, *files))
    return found


def _check_disk(directory: Path, needed: int) -> None:
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise InputError(
            f"the states would take {needed / 1e9:,.1f} GB, and {directory.parent} has {free / 1e9:,.1f} GB free; take "
            "fewer layers (--layers every:4), fewer sites (--at answer) or fewer images, or name another TMPDIR"
        )


def _figures(
    name: str, problems: Sequence[Problem], site: Site, point: str, own: StateFiles, swapped: StateFiles
) -> Iterator[Figure]:
    """Yield the figures at one site behind one part, of every task, template and split."""
    starts = dict(zip(problems, np.cumsum([0, *(len(each.rows) for each in problems)]).tolist(), strict=False))
    files = own.read(site, point), swapped.read(site, point)
    hidden = files[0].shape[1] // max(own.num_slots, 1) if site == Site.OBJECTS else 0
    for (task, template), alike in groupby(problems, key=lambda each: (each.task, each.template)):
        asked = [problem for problem in alike if problem.is_asked_at(site)]
        for split in Split if asked else ():
            if not all(split in problem.folds for problem in asked):
                continue
            hits: list[Labels] = []
            for problem in asked:
                place = slice(starts[problem], starts[problem] + len(problem.rows))
                states = _states(problem, site, hidden, *(each[place] for each in files))
                hits.append(probe(problem, split, states))
            images = np.concatenate([problem.images for problem in asked]).tolist()
            chance = sum(problem.chance * len(problem.rows) for problem in asked) / len(images)
            shares = [share(each.tolist(), images) for each in np.concatenate(hits, axis=1)]
            yield Figure(name, task, template, site, point, split, chance, *shares)


def _states(problem: Problem, site: Site, hidden: int, own: Any, swapped: Any) -> list[Any]:
    """Return the states of a problem's rows, of the other image, and of the same tokens in the other image."""
    if site != Site.OBJECTS:
        return [own, swapped]
    width = problem.num_objects * hidden
    return [own[:, :width], swapped[:, :width], swapped[:, width : 2 * width]]


def probe(problem: Problem, split: Split, states: Sequence[Any]) -> Labels:
    """Return for every row whether the probe is right, shape (controls, rows).

    The first is on the states, the second on shuffled answers, the others on the states of the controls. All controls
    have the regularization that was chosen for the states.
    """
    groups, folds = problem.groups[split], problem.folds[split]
    own, *controls = states
    found, costs = predicted(own, problem.labels, groups, folds)
    shuffled = problem.shuffled[split]
    on_shuffled, _ = predicted(own, shuffled, groups, folds, costs)
    others = [predicted(each, problem.labels, groups, folds, costs)[0] == problem.labels for each in controls]
    return np.stack([found == problem.labels, on_shuffled == shuffled, *others])
