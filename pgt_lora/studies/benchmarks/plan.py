"""What is asked: the benchmarks, in whose words, and the dataset directories that hold them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.mix.images import Shelf
from pgt_lora.data.sources.source import Source, SourceSettings
from pgt_lora.data.turns import Form
from pgt_lora.evaluation.probability import By
from pgt_lora.models.names import Named
from pgt_lora.studies.benchmarks import sets
from pgt_lora.studies.benchmarks.catalog import Benchmark, Prompts, choose, own
from pgt_lora.studies.benchmarks.harness import HarnessSettings
from pgt_lora.studies.benchmarks.paper_forms import FORMS
from pgt_lora.studies.benchmarks.subject import trained_vsr_families


@dataclass(frozen=True)
class Data:
    """What is asked: a suite, and held-out dataset directories; and where the benchmarks' own files lie.

    `annotations` are files, directories or Hub ids by benchmark, `shelf` says where images are kept. `by` decides the
    answers of all benchmarks in the paper's form; None leaves it to each.
    """

    suite: str
    directories: Sequence[Path]
    shelf: Shelf
    annotations: Mapping[str, str] = field(default_factory=dict)
    vsr_split: str | None = None
    prompts: Prompts = Prompts.LMMS_EVAL
    by: By | None = None

    @property
    def vsr_family(self) -> str:
        """VSR's split family: in the paper's form zero-shot, otherwise that of the mix, unless it is given."""
        return self.vsr_split or ("zeroshot" if self.prompts == Prompts.PAPER else "random")

    @property
    def sources(self) -> Mapping[str, Source]:
        """The benchmarks that are made into dataset directories."""
        return {name: form.source for name, form in FORMS.items()} if self.prompts == Prompts.PAPER else sets.SOURCES


def plan(data: Data) -> dict[str, Benchmark]:
    """Return the benchmarks by name, in the order of the paper's table; the dataset directories come last.

    Raises:
        InputError: there is nothing to run, two things have the same name, or a directory holds conversations.
    """
    chosen = {each.name: each for each in choose(data.suite, data.prompts)} if data.suite else {}
    if data.prompts == Prompts.PAPER and "vsr" in chosen and data.vsr_family != "zeroshot":
        told = f"asked on the {data.vsr_family} split, not on the zero-shot one as the public harness does: no figure"
        chosen["vsr"] = replace(chosen["vsr"], column=None, note=told)
    for path in data.directories:
        name = path.resolve().name
        if name in chosen or not re.fullmatch(r"[\w.-]+", name):  # it becomes the name of a task
            raise InputError(
                f"--eval-data {path}: {name} is also the name of something else, or has unusual characters; rename it"
            )
        if read_manifest(path)["rows"] != Form.QUESTIONS:
            raise InputError(
                f"--eval-data {path}: holds conversations, which benchmarks do not support; score it with: "
                "pgt-lora evaluate"
            )
        chosen[name] = own(name)
    if not chosen:
        raise InputError("nothing to run: give --suite, --eval-data or both")
    return chosen


def check_vsr_family(named: Named, benchmarks: Mapping[str, Benchmark], vsr_split: str) -> None:
    """Check that a run is not tested on the VSR family that overlaps with the one that it was trained on.

    Raises:
        InputError: it would be.
    """
    trained = trained_vsr_families(named.checkpoint) if "vsr" in benchmarks else set()
    if trained - {vsr_split}:
        told = "/".join(sorted(trained))
        raise InputError(
            f"--vsr-split {vsr_split}: {named.name} was trained on VSR's {told} family, whose training rows contain "
            f"test items of the other; pass --vsr-split {told}"
        )


def prepare(benchmarks: Mapping[str, Benchmark], data: Data, settings: HarnessSettings) -> dict[str, Path]:
    """Return the dataset directories of what this project makes into some, and of those that were given, by task."""
    source_settings = SourceSettings(vsr_split=data.vsr_family)
    made = {}
    for name, source in data.sources.items():
        if name in benchmarks:
            given: str | Path | None = data.annotations.get(name)
            if (
                given is None
                and settings.hub_copies
                and (settings.hub_copies / source.origin(source_settings)).is_dir()
            ):
                given = settings.hub_copies / source.origin(source_settings)
            made[benchmarks[name].tasks[0]] = sets.build(source, given, source_settings, data.shelf, settings.limit)
    return made | {own(path.resolve().name).tasks[0]: path for path in data.directories}
