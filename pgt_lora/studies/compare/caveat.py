"""What a comparison's intervals hold and what they leave out, and which of its scores are flattered."""

from collections.abc import Mapping, Sequence
from typing import Any

from pgt_lora.evaluation.paired import Result


def caveat(results: Sequence[Result], runs: Sequence[Mapping[str, Any]]) -> str:
    """Return it in sentences."""
    stopped_by = {run.get("stops_by") for run in runs}
    flattered = [
        f"Training stopped by the loss on {each.items.title}, which chose the weights: scores there are flattered."
        for each in results
        if str(each.items.path) in stopped_by
    ]
    return " ".join([*_scatter(num_seeds(results), runs), *flattered])


def num_seeds(results: Sequence[Result]) -> int:
    """Return the most seeds of which an arm's answers are: what was trained before has one, whatever is asked for."""
    return max(len(seeds) for seeds in results[0].predictions.values())


def _scatter(number: int, runs: Sequence[Mapping[str, Any]]) -> list[str]:
    if number > 1:
        return [
            f"The intervals hold the scatter of {number} training seeds and of the images. They leave out another draw "
            "of the training data.",
            *(
                f"{run['arm']} was trained before, once: its own leave out training variance."
                for run in runs
                if run.get("adapter")
            ),
        ]
    return [
        "The intervals hold the scatter of the images alone. They leave out training variance, because there is one "
        "seed: another seed may change a difference by more than its interval.",
        *(["--seeds 0,1,2 measures it."] if any("training" in run for run in runs) else []),
    ]
