"""Presets: comparisons that have a name, each a short YAML file of arms and evaluation sets in `presets/`.

An arm is a word, as `--arms` takes it, or a name with what it is trained on of the real data that `--data` names:
`overlay-5: {overlay: {proportion: 0.05}}`. Its fields are those of `OverData`, and those of `OverlaySettings`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from pgt_lora.core.errors import InputError, choices
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.studies.compare.arms import Arm, check_arms, parse_arm
from pgt_lora.studies.compare.real_data import OverData

PRESETS = Path(__file__).parent / "presets"
# All but the limit, which `share` takes the place of.
_OVERLAY = {name: value for name, value in asdict(OverlaySettings()).items() if name != "limit"}


@dataclass(frozen=True)
class Probes:
    """Which arms are probed on which sets: behind which layers and at which tokens, as `--layers` and `--at` name them.

    Of each set, that many `rows` are probed.
    """

    arms: Sequence[str]
    sets: Sequence[str]
    layers: str
    at: str
    rows: int


@dataclass(frozen=True)
class Preset:
    """The arms of a comparison and the names of its evaluation sets; on the first set the arms are at home."""

    name: str
    arms: Sequence[Arm]
    sets: Sequence[str]
    probes: Probes | None = None

    @property
    def is_over_data(self) -> bool:
        """Whether real data is asked for."""
        return any(arm.over for arm in self.arms)


def preset_names() -> list[str]:
    """Return the names of all presets: a further file is a further preset."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_preset(name: str) -> Preset:
    """Read a preset.

    Raises:
        InputError: none has this name, its file is anything but the two lists `arms` and `sets` and, where states are
            probed, `probes`, or one of these means nothing.
    """
    if name not in preset_names():
        raise InputError(f"--preset {name}: unknown; known: {choices(preset_names())}")
    path = PRESETS / f"{name}.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    named = isinstance(values, dict) and {*values} - {"probes"} == {"arms", "sets"}
    if not named or not all(isinstance(values[each], list) for each in ("arms", "sets")):
        raise InputError(f"{path}: a preset has two lists, arms and sets, and may have probes")
    try:
        arms = [_arm(each) for each in values["arms"]]
        check_arms(arms)
        probes = _probes(values["probes"], [arm.name for arm in arms], values["sets"]) if "probes" in values else None
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return Preset(name, tuple(arms), tuple(values["sets"]), probes)


def _probes(said: Any, arms: Sequence[str], sets: Sequence[str]) -> Probes:
    names = [each.name for each in fields(Probes)]
    if not isinstance(said, dict) or sorted(said) != sorted(names):
        raise InputError(f"probes {said!r}: give {', '.join(names)}")
    for name, known in {"arms": arms, "sets": sets}.items():
        if not isinstance(said[name], list) or not said[name] or not all(each in known for each in said[name]):
            raise InputError(f"probes, {name}: {said[name]!r}: a list of some of {choices(known)}")
    if not isinstance(said["rows"], int) or said["rows"] < 1:
        raise InputError(f"probes, rows: {said['rows']!r}: a whole number of at least 1")
    return Probes(tuple(said["arms"]), tuple(said["sets"]), str(said["layers"]), str(said["at"]), said["rows"])


def _arm(value: Any) -> Arm:
    if isinstance(value, str):
        return parse_arm(value)
    if not isinstance(value, dict) or len(value) != 1:
        raise InputError(f"arm {value!r}: a word, or a name with its fields")
    ((name, said),) = value.items()
    try:
        said = _checked(said, {"share": 1.0, "overlay": {}})
        drawn = "overlay" in said and OverlaySettings(**_checked(said["overlay"], _OVERLAY))
        over = OverData(said.get("share", 1.0), drawn or None)
        over.check()
    except InputError as error:
        raise InputError(f"arm {name}: {error}") from error
    return Arm(str(name), over=over)


def _checked(said: Any, defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return fields whose names are known and whose values are of the types of their defaults."""
    if not isinstance(said, dict):
        raise InputError(f"{said!r}: no fields; known: {choices(defaults)}")
    for name, value in said.items():
        if name not in defaults:
            raise InputError(f"{name}: unknown; known: {choices(defaults)}")
        kind = type(defaults[name])
        if isinstance(value, bool) != (kind is bool) or not isinstance(value, (int, float) if kind is float else kind):
            raise InputError(f"{name}: {value!r} does not have the type of {defaults[name]!r}")
    return said
