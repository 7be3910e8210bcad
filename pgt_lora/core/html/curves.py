"""Lines over the steps of training, for every page: points of a drawing, on axes that all lines of it share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HEIGHT = 28  # of a drawing that is 100 wide


@dataclass(frozen=True)
class Curve:
    """One line, by its arm and seed."""

    arm: str
    seed: int | None
    points: str
    first: float
    last: float


@dataclass(frozen=True)
class Curves:
    """Lines on common axes, which begin at zero: `top` is the greatest value, `steps` the last step."""

    curves: tuple[Curve, ...]
    top: float
    steps: int


def curves(runs: Sequence[Mapping[str, Any]], field: str = "loss") -> Curves:
    """Return one field of the logs of all runs that were trained; a run is its `arm`, `seed` and log, `loss`."""
    logs = [(run, [entry for entry in run.get("loss", ()) if field in entry]) for run in runs]
    logs = [(run, log) for run, log in logs if log]
    top = max((entry[field] for _, log in logs for entry in log), default=1.0) or 1.0
    steps = max((entry["step"] for _, log in logs for entry in log), default=1)
    drawn = []
    for run, log in logs:
        at = (f"{100 * each['step'] / steps:.2f},{HEIGHT * (1 - each[field] / top):.2f}" for each in log)
        drawn.append(Curve(run["arm"], run["seed"], " ".join(at), log[0][field], log[-1][field]))
    return Curves(tuple(drawn), top, steps)
