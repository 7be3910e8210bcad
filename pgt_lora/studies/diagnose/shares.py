"""The figures of a diagnosis: shares with their intervals, of one skill and of each wording in which it is asked."""

from dataclasses import dataclass

from pgt_lora.core.html import percent
from pgt_lora.evaluation.scoring import wilson

# The verdicts hold some fifty intervals. At 99.9% each, one of them misses in about five of a hundred diagnoses.
Z_OF_VERDICTS = 3.290527


@dataclass(frozen=True)
class Share:
    """A part of a number of images; `hits` is broken where an image is asked about several times."""

    hits: float
    total: int

    @property
    def value(self) -> float:
        """The share; 0 of nothing."""
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval, for charts."""
        return wilson(self.hits, self.total)

    @property
    def words(self) -> str:
        """The share with its 95% interval, in percent, as a chart tells it."""
        low, high = self.interval
        return f"{percent(self.value)}% ({percent(low)}–{percent(high)}) of {self.total} images"

    @property
    def low(self) -> float:
        """The lower end of Wilson's 99.9% interval, for verdicts."""
        return wilson(self.hits, self.total, Z_OF_VERDICTS)[0]

    @property
    def high(self) -> float:
        """The upper end of Wilson's 99.9% interval, for verdicts."""
        return wilson(self.hits, self.total, Z_OF_VERDICTS)[1]


@dataclass(frozen=True)
class Favorite:
    """The answer (or the place among the options) that is given most, and the share of items in which it is right."""

    label: str
    given: Share
    expected: float


@dataclass(frozen=True)
class Pairs:
    """One question of two images with different answers: how often the answer changed, how often both were right.

    `changed` counts the pairs with two answers, `both_right` all; a model that ignores the image has none of either.
    """

    changed: Share
    both_right: Share


@dataclass(frozen=True)
class Wording:
    """One template of a task.

    `said` is the accuracy among the outputs that state an answer, `instead` the commonest output among the others.
    """

    template: str
    chance: float
    right: Share
    silent: Share
    said: Share
    instead: str | None
    favorites: tuple[Favorite, ...]
    pairs: Pairs | None


@dataclass(frozen=True)
class Agreement:
    """One image in two wordings: on how many images both are right, one alone, or neither.

    Where both templates are the same, the options stand in another order. `p` is McNemar's, Holm-corrected; None where
    guessing is right more often in one of the two, because a guesser would differ, too.
    """

    templates: tuple[str, str]
    both: int
    first: int
    second: int
    neither: int
    p: float | None

    @property
    def agree(self) -> Share:
        """The share of images on which the two are both right or both wrong."""
        return Share(self.both + self.neither, self.both + self.first + self.second + self.neither)


@dataclass(frozen=True)
class Skill:
    """All figures of one task."""

    task: str
    chance: float
    right: Share
    wordings: tuple[Wording, ...]
    agreements: tuple[Agreement, ...]
