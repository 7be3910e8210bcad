"""What is asked of a mix: which sources, how many rows, by which rules."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError, choices, chosen
from pgt_lora.core.plugins import discover
from pgt_lora.data.generate import SPLITS
from pgt_lora.data.mix.draw import apportion
from pgt_lora.data.mix.exclusion import label
from pgt_lora.data.sources.source import Source, SourceSettings
from pgt_lora.data.tasks.task import TaskSettings

USED_BY = {
    "vsr_split": "vsr", "absolute_distance": "spatialladder", "multi_view": "spatialladder", "crowds": "coco_position",
}  # fmt: skip


class OnMissing(StrEnum):
    """What is done where an image of a drawn row cannot be had."""

    ERROR = "error"
    REDRAW = "redraw"


def sources() -> dict[str, Source]:
    """Return the known sources by name."""
    return discover("pgt_lora.data.sources", "SOURCE")


def default_shares() -> dict[str, float]:
    """Return equal shares of the sources that say that they belong to the mix."""
    return {name: 1.0 for name, source in sources().items() if source.in_default_mix}


@dataclass(frozen=True)
class MixRequest:
    """What decides which rows are drawn.

    `shares` weigh sources, `pgt`, dataset directories and what can be imported; the three sources alike by default.
    Without `num_samples`, all rows of one source are taken. A `balanced` draw is as even as can be over what a source
    says of its rows (`Row.strata`). Images of what is named in `exclude` are left out. `fewer` is what a message
    advises where there are too few rows.
    """

    num_samples: int | None
    seed: int = 0
    split: str = "train"
    shares: Mapping[str, float] = field(default_factory=default_shares)
    balanced: bool = False
    exclude: Sequence[str] = ()
    on_missing: str = OnMissing.ERROR
    settings: SourceSettings = field(default_factory=SourceSettings)
    pgt: TaskSettings = field(default_factory=TaskSettings)
    fewer: str = "lower --num-samples"

    def check(self) -> None:
        """Check all that can be told before anything is read.

        Raises:
            InputError: a value is unknown, all rows are asked of anything but one source, or a setting is for a source
            that is not asked for.
        """
        if self.num_samples is None and not (len(self.shares) == 1 and self.shares.keys() <= sources().keys()):
            known = choices(sources())
            raise InputError(f"--all: takes the rows of one built-in source ({known}); give --num-samples in its place")
        if self.split not in SPLITS:
            raise InputError(f"--split {self.split!r}: known: {choices(SPLITS)}")
        chosen("--on-missing", self.on_missing, OnMissing)
        self._check_settings()
        if len({name_of(share) for share in self.shares}) < len(self.shares):
            raise InputError(f"--shares: two directories with the same name among {choices(self.shares)}; rename one")

    def _check_settings(self) -> None:
        named = {*self.shares, *(entry.partition("=")[0] for entry in self.exclude)}
        usual = SourceSettings()
        for setting, source in USED_BY.items():
            if source not in named and getattr(self.settings, setting) != getattr(usual, setting):
                option = f"--{setting.replace('_', '-')}"
                raise InputError(f"{option} is for {source}: name it in --shares or --exclude, or leave out {option}")

    def counts(self) -> dict[str, int]:
        """Return how many rows are drawn by each share; of all rows, one, until they are counted."""
        return apportion(len(self.shares) if self.num_samples is None else self.num_samples, self.shares)

    def facts(self) -> dict[str, Any]:
        """Return what a manifest records as asked for; local paths are cut to their last part."""
        switches = asdict(self.settings)
        switches["vg_to_coco"] = len(switches["vg_to_coco"])
        if "pgt" in self.shares:
            switches |= {"canvas": str(self.pgt.canvas), "max_count": self.pgt.max_count}
        return {
            "num_samples": self.num_samples,
            "seed": self.seed,
            "split": self.split,
            "source": "mix",
            "balanced": self.balanced,
            "shares": {name_of(share): float(weight) for share, weight in sorted(self.shares.items())},
            "exclude": [label(entry) for entry in self.exclude],
            "on_missing": self.on_missing,
            **switches,
        }


def name_of(share: str) -> str:
    """Return the name under which a share is recorded: of a directory, the last part."""
    return share if share in sources() or not Path(share).exists() else Path(share).resolve().name
