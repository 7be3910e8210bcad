"""Presets: comparisons that have a name, each a short YAML file of arms and evaluation sets in `presets/`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from pgt_lora.core.errors import InputError, choices

PRESETS = Path(__file__).parent / "presets"


@dataclass(frozen=True)
class Preset:
    """The arms of a comparison and the names of its evaluation sets; on the first set the arms are at home."""

    name: str
    arms: Sequence[str]
    sets: Sequence[str]


def preset_names() -> list[str]:
    """Return the names of all presets: a further file is a further preset."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_preset(name: str) -> Preset:
    """Read a preset.

    Raises:
        InputError: none has this name, or its file is anything but the two lists `arms` and `sets`.
    """
    if name not in preset_names():
        raise InputError(f"--preset {name}: unknown; known: {choices(preset_names())}")
    path = PRESETS / f"{name}.yaml"
    fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    lists = fields.values() if isinstance(fields, dict) and set(fields) == {"arms", "sets"} else ()
    if not lists or not all(isinstance(each, list) for each in lists):
        raise InputError(f"{path}: a preset has two lists, arms and sets")
    return Preset(name, tuple(fields["arms"]), tuple(fields["sets"]))
