"""A part of the rows to try things on, that lies in every larger part."""

from collections.abc import Iterable
from heapq import nsmallest

from pgt_lora.core.errors import InputError
from pgt_lora.core.streams import stream


def check_limit(limit: int | None) -> None:
    """Raise `InputError` where a number of rows is none."""
    if limit is not None and limit < 1:
        raise InputError(f"--limit {limit}: at least one row is needed")


def nested(names: Iterable[str], limit: int) -> list[int]:
    """Return the places of so many rows of these ids, in their order; all where there are fewer.

    One number of each row's own stream decides, so that the rows of a smaller limit are among those of a larger one,
    whatever else is asked for.
    """
    numbers = ((stream(0, "limit", name).random(), place) for place, name in enumerate(names))
    return sorted(place for _, place in nsmallest(limit, numbers))
