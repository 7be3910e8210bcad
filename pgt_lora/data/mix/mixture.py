"""A mixture that a recipe is trained on: several datasets by their shares, in a directory of the kit's own."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import is_current, read_manifest
from pgt_lora.data.mix.build import build_mix
from pgt_lora.data.mix.request import MixRequest
from pgt_lora.data.tasks.task import TaskSettings


def mixture(shares: Mapping[str, float], num_samples: int | None, pgt_settings: TaskSettings) -> Path:
    """Return the directory of rows drawn by shares of sources, `pgt` and dataset directories, made where it is not.

    Without `num_samples`, there are as many rows as the first of them has, which must be a dataset directory then.

    Raises:
        InputError: a share means nothing, or has too few rows.
    """
    made = {name: read_manifest(Path(name)) for name in shares if Path(name).is_dir()}
    num_samples = num_samples or made[next(iter(shares))]["num_samples"]
    asked = MixRequest(num_samples, shares=shares, pgt=pgt_settings)
    state = [asked.facts(), {name: manifest["content_hash"] for name, manifest in made.items()}]
    digest = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
    path = data_directory(f"pgt-mixture-{num_samples}-{digest[:12]}")
    if not is_current(path):
        build_mix(path, asked, overwrite=True)
    return path
