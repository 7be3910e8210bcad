"""A mixture that a recipe is trained on: several datasets by their shares, in a directory of the kit's own."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import is_current, read_manifest
from pgt_lora.data.mix.build import build_mix
from pgt_lora.data.mix.draw import clean
from pgt_lora.data.mix.exclusion import Exclusion
from pgt_lora.data.mix.pools import directory
from pgt_lora.data.mix.request import MixRequest
from pgt_lora.data.tasks.task import TaskSettings


def mixture(shares: Mapping[str, float], num_samples: int | None, pgt_settings: TaskSettings) -> Path:
    """Return the directory of rows drawn by shares of sources, `pgt` and dataset directories, made where it is not.

    Without `num_samples`, there are as many rows as the first of them has, each once; that must be a dataset directory.

    Raises:
        InputError: a share means nothing, or has too few rows.
    """
    made = {name: read_manifest(Path(name))["content_hash"] for name in shares if Path(name).is_dir()}
    asked = MixRequest(num_samples, shares=shares, pgt=pgt_settings)
    digest = hashlib.sha256(json.dumps([asked.facts(), next(iter(shares)), made], sort_keys=True).encode()).hexdigest()
    path = data_directory(f"pgt-mixture-{digest[:12]}")
    if not is_current(path):
        build_mix(path, asked if num_samples else _as_many_as_the_first(asked), overwrite=True)
    return path


def _as_many_as_the_first(asked: MixRequest) -> MixRequest:
    """Return what is asked for with as many rows as its first share has, without those that a mix leaves out."""
    first = next(iter(asked.shares))
    kept, _ = clean({first: directory(Path(first))}, Exclusion({}, {}))
    return replace(asked, num_samples=len(kept[first]), fewer=f"begin the mixture with fewer rows than {first} has")
