"""The linear probe: a support vector machine over three folds, its regularization chosen inside the training folds.

What is predicted of a row comes from a machine that saw none of its image, and, where rows share a cell, none of its
cell.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pgt_lora.core.errors import InputError
from pgt_lora.core.streams import stream

NUM_FOLDS = 3
COSTS = (0.01, 0.1, 1.0, 10.0)  # of states with mean 0 and deviation 1, their product divided by their number
Labels = NDArray[Any]
Indices = NDArray[np.intp]
Floats = NDArray[np.float64]


def check_installed(asking: str = "--layers") -> None:
    """Check that scikit-learn is there; `asking` says what needs it.

    Raises:
        InputError: it is not.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise InputError(f"{asking} needs scikit-learn: pip install 'pgt-lora[probes]'") from error


def folds_of(labels: Labels, units: Labels, name: str) -> Indices:
    """Return the fold of every row: alike in their labels, rows of one unit together, drawn by a name."""
    from sklearn.model_selection import StratifiedGroupKFold

    seed = stream(0, "layers", name).getrandbits(31)
    folds = np.zeros(len(labels), dtype=np.intp)
    divided = StratifiedGroupKFold(NUM_FOLDS, shuffle=True, random_state=seed).split(labels, labels, units)
    for fold, (_, test) in enumerate(divided):
        folds[test] = fold
    return folds


def predicted(
    states: Any, labels: Labels, units: Labels, folds: Indices, costs: Sequence[float] | None = None
) -> tuple[Labels, list[float]]:
    """Return the label that is predicted of every row, and the cost of each fold; `costs` are taken where given."""
    from sklearn.svm import SVC

    found, chosen = labels.copy(), []
    for fold in range(NUM_FOLDS):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        products = gram(states, train)
        inside = products[np.ix_(train, train)]
        cost = costs[fold] if costs else _choose(inside, labels[train], units[train])
        chosen.append(cost)
        machine = SVC(kernel="precomputed", C=cost).fit(inside, labels[train])
        found[test] = machine.predict(products[np.ix_(test, train)])
    return found, chosen


def gram(states: Any, train: Indices) -> Floats:
    """Return the products of all rows' states, which the training rows bring to mean 0 and deviation 1.

    A linear machine needs no more of them; so its cost does not grow with the width of the model.
    """
    values = np.asarray(states, dtype=np.float64)
    mean, deviation = values[train].mean(0), values[train].std(0)
    scaled = (values - mean) / np.where(deviation > 0, deviation, 1)
    products: Floats = scaled @ scaled.T / scaled.shape[1]
    return products


def _choose(products: Floats, labels: Labels, units: Labels) -> float:
    """Return the cost that predicts most inside the training rows; of equals, the smallest."""
    from sklearn.svm import SVC

    folds = folds_of(labels, units, "inner")
    right = []
    for cost in COSTS:
        hits = 0
        for fold in range(NUM_FOLDS):
            train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            machine = SVC(kernel="precomputed", C=cost).fit(products[np.ix_(train, train)], labels[train])
            hits += int((machine.predict(products[np.ix_(test, train)]) == labels[test]).sum())
        right.append(hits)
    return COSTS[int(np.argmax(right))]
