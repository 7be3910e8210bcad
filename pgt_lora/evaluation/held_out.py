"""The held-out sets that a run or a comparison scores, by the names under which their scores are kept."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product
from pathlib import Path

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.core.typed import typed
from pgt_lora.data.digests import image_digests
from pgt_lora.data.directory import MANIFEST, open_dataset, read_manifest
from pgt_lora.data.mix.terms import sources_of
from pgt_lora.data.pgt import pgt_data
from pgt_lora.data.readers.build import test_directory
from pgt_lora.models.checkpoint import Checkpoint
from pgt_lora.tiny.skills import skill_data

PGT, SKILLS = "pgt", "skills"
IMPORTED = re.compile(r"import-(.+)-[0-9a-f]{16}")
TITLES = {PGT: "Held-out PGT", SKILLS: "Skills of the pre-training"}


def title(name: str) -> str:
    """Return what a set is called on pages; what was imported for --eval-data goes by the name of its source."""
    return TITLES.get(name, IMPORTED.sub(r"\1", name))


def sets_of_run(recipe: Recipe, data: Path | None, eval_data: Sequence[Path]) -> dict[str, Path]:
    """Return what a run is scored on: the sets given, or the training data's own test split, or held-out PGT.

    Without sets given, the skills of a small model's pre-training follow where the recipe says so.

    Raises:
        InputError: a set cannot be used, two have the same name, or one is what is trained on.
    """
    sets = given_sets(eval_data)
    if not sets:
        own = data and test_split(data)
        sets = {own.name: own} if own else {PGT: pgt_data(recipe, "test", recipe.kit.num_test_samples)}
        sets |= {SKILLS: skill_data()} if recipe.kit.skills else {}
    if data:
        check_held_out(sets, {"the model": data})
    return sets


def test_split(data: Path) -> Path | None:
    """Return the test split that lies beside training data, `DATA-test`, or None."""
    path = test_directory(data.resolve())
    return path if (path / MANIFEST).is_file() else None


def given_sets(eval_data: Sequence[Path]) -> dict[str, Path]:
    """Return dataset directories by their names.

    Raises:
        InputError: one cannot be used, or two have the same name.
    """
    sets: dict[str, Path] = {}
    for path in eval_data:
        read_manifest(path)
        name = path.resolve().name
        if name in sets:
            raise InputError(f"--eval-data {path}: another evaluation set is also named {name}; rename one")
        sets[name] = path
    return sets


def check_held_out(sets: Mapping[str, Path], datasets: Mapping[str, Path]) -> None:
    """Check that nothing is trained on an evaluation set, and print a warning where it is on some of its images.

    Raises:
        InputError: something is trained on the set, by the name that it has in `datasets`.
    """
    for path, (name, data) in product(sets.values(), datasets.items()):
        if read_manifest(path)["content_hash"] == read_manifest(data)["content_hash"]:
            raise InputError(f"--eval-data {path}: {name} is trained on these items; give held-out ones")
    shown = {name: set(chain.from_iterable(_shown(data))) for name, data in datasets.items()}
    for path in sets.values():
        rows = list(_shown(path))
        for name, known in shown.items():
            if leaked := sum(not known.isdisjoint(each) for each in rows):
                console.print(
                    f"Warning: {leaked:,} of the {len(rows):,} rows of {path} show what {name} is trained on; these "
                    "scores say what it remembers, too. Divide by image: pgt-lora import … --test 0.1",
                    style="bold", soft_wrap=True,
                )  # fmt: skip


def warn_if_trained_on(checkpoint: Checkpoint, data: Path) -> None:
    """Print a warning that names the run, where its record says that it was trained on this data, alone or in a mix.

    A merged checkpoint has its run's record beside it.
    """
    base = Path(checkpoint.base)
    beside = base.parent / "adapter" if base.name == "merged" else None
    for adapter in filter(None, (checkpoint.adapter_dir, beside)):
        if read_manifest(data)["content_hash"] in trained_on(adapter):
            console.print(
                f"Warning: {adapter.parent} was trained on {data}; these scores say what it remembers, not what it "
                f"learned. Evaluate on held-out data: {test_split(data) or _held_out_by(data)}",
                style="bold", soft_wrap=True,
            )  # fmt: skip
            return


def _held_out_by(data: Path) -> str:
    """Return the command that makes held-out data: more of PGT, or a part of other data, not to be trained on."""
    if set(sources_of(read_manifest(data))) == {"pgt"}:
        return typed("generate", "--split", "test", "--out", "DIR")
    return f"{typed('import', data, '--test', '0.1', '--out', 'DIR')}, then train on DIR and evaluate on DIR-test"


def trained_on(adapter: Path) -> set[str]:
    """Return the content hashes of what an adapter was trained on, alone or in a mix; none without a record."""
    if not (adapter / "run.json").is_file():
        return set()
    trained = read_json(adapter / "run.json")
    parts = trained.get("data", {}).get("sources", {}).values()
    return {part["content_hash"] for part in (trained, *parts) if "content_hash" in part}


def _shown(data: Path) -> Iterator[tuple[str | bytes, ...]]:
    """Yield what tells what each row shows: its group, and its images, which are of other groups in other datasets."""
    groups = open_dataset(data, read_images=False)["group"]
    return ((group, *digests) for group, digests in zip(groups, image_digests(data), strict=True))
