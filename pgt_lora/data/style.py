"""The styles in which the mixed tasks are drawn."""

from enum import StrEnum


class Style(StrEnum):
    """How much the scenes of the mixed tasks differ from each other beside what is asked about."""

    PLAIN = "plain"  # the paper's: one canvas, one gray, one RGB a color
    VARIED = "varied"  # canvas, ground, colors, strokes, letters, clutter and overlap are drawn for each sample
