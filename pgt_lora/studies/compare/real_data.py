"""The real data of a comparison: what its arms are trained on with PGT drawn over it, and what of it is held out."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from pgt_lora.core.batches import num_steps
from pgt_lora.core.errors import InputError
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.streams import stream
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import is_current, is_made, open_dataset, read_manifest, write_manifest, write_rows
from pgt_lora.data.mix.terms import drawn_sources
from pgt_lora.data.overlay.build import overlay_data
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.data.overlay.shard import SEPARATE
from pgt_lora.data.readers.named import as_directory
from pgt_lora.data.readers.split import by_share
from pgt_lora.data.turns import Form
from pgt_lora.evaluation.held_out import test_split
from pgt_lora.tiny.instructions import instruction_data

HELD_OUT = 0.1  # of the real data, where no test split lies beside it


@dataclass(frozen=True)
class OverData:
    """What an arm is trained on: a share of the real data, and PGT drawn over it; none without `overlay`."""

    share: float = 1.0
    overlay: OverlaySettings | None = None

    def check(self) -> None:
        """Raise `InputError` where a value is out of its range."""
        if not 0 < self.share <= 1:
            raise InputError(f"share {self.share}: must be a share of the real data above 0, up to 1")
        if self.overlay:
            self.overlay.check()


@dataclass(frozen=True)
class RealData:
    """The dataset directories of the real data: rows to train on, and others that are held out."""

    train: Path
    test: Path


def real_data(recipe: Recipe, name: str | None) -> RealData:
    """Return the real data that a name means, as many rows as the recipe says; a small model has its own.

    What is held out is the test split beside the data, or whole images of a tenth of its rows.

    Raises:
        InputError: there is no such data, it cannot be read, or nothing can be held out.
    """
    kit = recipe.kit
    if name is None:
        if not recipe.is_small:
            raise InputError("--preset: its arms draw over real data; name it with --data")
        return RealData(instruction_data("train", kit.num_samples), instruction_data("test", kit.num_test_samples))
    data = as_directory(name)
    split = test_split(data)
    groups = dict(enumerate(open_dataset(data)["group"]))
    if not split and len(set(groups.values())) < 2:
        raise InputError(f"--data {name}: all rows show one image, so none can be held out; give more rows")
    held_out = set() if split else by_share(groups, HELD_OUT)
    train, test = (f"compare-{data.name}-{part}" for part in ("train", "test"))
    rows, tests = (split, range(read_manifest(split)["num_samples"])) if split else (data, held_out)
    return RealData(
        _rows(data, train, set(groups) - held_out, kit.num_samples), _rows(rows, test, tests, kit.num_test_samples)
    )


def with_budget(recipe: Recipe, real: RealData) -> Recipe:
    """Return a recipe that takes as many steps on every arm as it takes on the real data alone."""
    steps = num_steps(recipe, read_manifest(real.train)["num_samples"])
    return recipe.changed(max_steps=steps)


def rows_of_arm(real: RealData, name: str, over: OverData) -> Path:
    """Return the dataset directory of an arm over the real data, made where it is not there yet.

    Raises:
        InputError: an image of a row cannot be read, or nothing would be drawn.
    """
    rows = real.train
    if over.share < 1:
        number = read_manifest(rows)["num_samples"]
        rows = _rows(rows, f"{rows.name}-{100 * over.share:g}%", range(number), max(1, round(over.share * number)))
    return _overlaid(rows, name, over.overlay) if over.overlay else rows


def asked_over(test: Path) -> Path:
    """Return a directory of PGT's questions alone, over the images of held-out rows; made where it is not there yet.

    Raises:
        InputError: nothing could be drawn over any of them.
    """
    both = _overlaid(test, "separate", OverlaySettings(1.0, separate=True))
    asked = [index for index, name in enumerate(open_dataset(both)["id"]) if name.endswith(SEPARATE)]
    if not asked:
        told = ", ".join(f"{name}: {number:,}" for name, number in read_manifest(both)["overlay"].items())
        raise InputError(
            f"{test.name}: nothing can be drawn over the held-out images ({told}); give data with larger images"
        )
    return _rows(both, f"{both.name}-asked", asked)


def _overlaid(rows: Path, name: str, settings: OverlaySettings) -> Path:
    path = rows.with_name(f"{rows.name}-{name}")
    asked = {"of_hash": read_manifest(rows)["content_hash"], **asdict(settings)}
    if is_current(path) and asked.items() <= read_manifest(path)["asked"].items():
        return path
    overlay_data(str(rows), path, settings, render=True, overwrite=True)
    return path


def _rows(data: Path, name: str, indices: Iterable[int], most: int | None = None) -> Path:
    """Return a directory of those rows of a dataset, `most` of them at most, made where it is not there yet.

    The order in which they are chosen is drawn once for a dataset: fewer rows are among more.
    """
    manifest = read_manifest(data)
    among = sorted(indices)
    chosen = sorted(stream(0, "real data", manifest["content_hash"]).sample(among, len(among))[:most])
    path = data_directory(f"{name}-{len(chosen)}")
    asked = {
        "source": "rows", "of": data.name, "of_hash": manifest["content_hash"], "among": len(among),
        "num_samples": len(chosen), "seed": 0,
    }  # fmt: skip
    if not is_made(path, asked):
        rows = open_dataset(data)
        with new_directory(path, overwrite=True) as directory:
            made = write_rows(directory, (rows[index] for index in chosen), Form(manifest["rows"]))
            counts = Counter(rows.select(chosen)["source"])
            write_manifest(directory, asked, made | {"sources": drawn_sources([(data, counts)])})
    return path
