"""The runs of a comparison: one for each arm and seed, done once and found again.

Every run has a directory that is named by what makes it: the recipe's values with the seed, the data and the versions.
So what is finished is found again, and nothing is ever replaced by something else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import file_digest, read_json
from pgt_lora.core.machine import free_gpu
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.core.versions import versions
from pgt_lora.data.digests import image_digests
from pgt_lora.data.directory import read_manifest
from pgt_lora.evaluation.evaluate import evaluate_sets
from pgt_lora.evaluation.held_out import trained_on
from pgt_lora.evaluation.paired import BASE
from pgt_lora.models.checkpoint import Checkpoint, adapter_checkpoint, find_adapter
from pgt_lora.models.names import base_of
from pgt_lora.studies.compare.directory import short_hash
from pgt_lora.training.adapter import VERSIONS
from pgt_lora.training.auto_batch import for_this_machine
from pgt_lora.training.finetune import finetune
from pgt_lora.training.scoring import loads_otherwise


@dataclass(frozen=True)
class Run:
    """One arm with one seed, which `recipe` holds; `data` is None for what is only scored: the base, or an adapter.

    `validation` is the held-out set whose loss is computed while it trains, by which it may stop.
    """

    arm: str
    recipe: Recipe
    data: Path | None = None
    adapter: Path | None = None
    validation: Path | None = None

    @property
    def name(self) -> str:
        """The name of the run's directories, which ends in the hash of what makes it."""
        made_of: dict[str, Any] = {"versions": versions(*VERSIONS)}
        if self.data:
            made_of |= {"recipe": dict(self.recipe.values), "content_hash": read_manifest(self.data)["content_hash"]}
            made_of |= {"validation": read_manifest(self.validation)["content_hash"]} if self.validation else {}
        else:
            model, kit = self.recipe.model, self.recipe.kit
            made_of |= {"base": [self.recipe.base, model.model_revision, model.dtype, kit.max_new_tokens]}
        if self.adapter and (directory := find_adapter(self.adapter)):
            made_of |= {"adapter": [file_digest(path) for path in sorted(directory.glob("adapter_*"))]}
        seed = f"-seed{self.recipe.sft.seed}" if self.data else ""
        return f"{self.arm}{seed}-{short_hash(made_of)}"


def plan(
    recipe: Recipe, arms: Sequence[str], datasets: Mapping[str, Path], adapters: Mapping[str, Path],
    seeds: Sequence[int], validation: Mapping[str, Path] | None = None,
) -> list[Run]:  # fmt: skip
    """Return every run, one seed after the other; runs with the same seed see their samples in the same order."""
    runs = [Run(BASE, recipe)] if BASE in arms else []
    runs += [Run(arm, recipe, adapter=path) for arm, path in adapters.items()]
    for seed in seeds:
        for arm in datasets:
            looked_at = (validation or {}).get(arm)
            runs.append(Run(arm, recipe.changed(seed=seed), datasets[arm], validation=looked_at))
    return runs


def train_and_score(run: Run, tests: Mapping[str, Path], out: Path) -> None:
    """Do what of a run is not done yet."""
    directory = out / "arms" / run.name
    named = {score_name(test, path): path for test, path in tests.items()}

    def score(model: Any, adapter: Path | None) -> None:
        if adapter:  # the base is an arm of its own, scored once for all of them
            evaluate_sets(run.recipe, adapter_checkpoint(adapter), named, out / "scores" / run.name, model)

    free_gpu()  # the run before leaves its model in cycles, and two may not fit the GPU
    if run.data and not (directory / "adapter").exists():
        console.print(f"Training {run.name}")
        recipe = for_this_machine(run.recipe, run.data, directory)
        lent = None if loads_otherwise(recipe) else score
        finetune(recipe, run.data, directory, eval_data=run.validation, score=lent)
    evaluate_sets(run.recipe, scored(run, directory), named, out / "scores" / run.name)


def scored(run: Run, directory: Path) -> Checkpoint:
    """Return what of a run is scored: what was trained in its directory, the adapter that it is, or the base."""
    adapter_dir = directory / "adapter" if run.data else run.adapter and find_adapter(run.adapter)
    return adapter_checkpoint(adapter_dir) if adapter_dir else base_of(run.recipe)


def score_name(test: str, path: Path) -> str:
    """Return the name under which scores on an evaluation set are kept, which ends in what its content hash begins."""
    return f"{test}-{read_manifest(path)['content_hash'][:12]}"


def score_directories(runs: Sequence[Run], scores: Path, test: str, path: Path) -> dict[str, list[Path]]:
    """Return where the scores on an evaluation set lie, by arm, in the order of the seeds."""
    found: dict[str, list[Path]] = {}
    for run in runs:
        found.setdefault(run.arm, []).append(scores / run.name / score_name(test, path))
    return found


def describe(run: Run, out: Path) -> dict[str, Any]:
    """Return what the report says of a run: its seed, data, loss, time, tokens, versions, hardware and directory."""
    facts: dict[str, Any] = {
        "arm": run.arm,
        "name": run.name,
        "seed": run.recipe.sft.seed if run.data else None,
    }
    if not run.data:
        return facts | {"adapter": str(run.adapter) if run.adapter else None}
    adapter = out / "arms" / run.name / "adapter"
    manifest = read_manifest(run.data)
    return facts | {
        "data": str(run.data),
        "stops_by": str(run.validation) if run.recipe.kit.early_stopping_patience else None,
        "num_samples": manifest["num_samples"],
        "counts": manifest["counts"],
        "training": read_json(adapter / "run.json"),
        "loss": read_json(adapter / "loss.json"),
    }


def check_not_trained_on(tests: Mapping[str, Path], adapters: Mapping[str, Path]) -> None:
    """Check that no adapter was trained on an evaluation set, alone or in a mix, where a record beside it tells.

    Raises:
        InputError: one was.
    """
    for (arm, path), test in product(adapters.items(), tests.values()):
        adapter = find_adapter(path)
        if adapter and read_manifest(test)["content_hash"] in trained_on(adapter):
            raise InputError(f"--eval-data {test}: arm {arm} was trained on these items; give held-out ones")


def shared_images(tests: Mapping[str, Path], data: Path) -> int:
    """Return how many items of the evaluation sets show an image file, or a photograph, of the training data."""
    known = {digest for digests in image_digests(data) for digest in digests}
    return sum(not known.isdisjoint(digests) for path in tests.values() for digests in image_digests(path))
