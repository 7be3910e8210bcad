"""The one error that a user is meant to read."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

Kind = TypeVar("Kind", bound=StrEnum)


class InputError(ValueError):
    """Something the user gave cannot be used; the message names it and what to do instead.

    The command line prints the message on one line, without a traceback, and exits with status 2.
    """


def choices(known: object) -> str:
    """Return the known names as one sorted, comma-separated string, for the end of a message."""
    return ", ".join(sorted(str(name) for name in known))  # type: ignore[attr-defined]


def check_known(option: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Check the names in an option of `NAME=…`.

    Raises:
        InputError: one is not known.
    """
    for name in given:
        if name not in known:
            raise InputError(f"{option} {name}=…: unknown {name!r}; known: {choices(known)}")


def chosen(option: str, name: str, kind: type[Kind]) -> Kind:
    """Return the member of an enumeration that an option names.

    Raises:
        InputError: there is none of that name.
    """
    if name not in list(kind):
        raise InputError(f"{option} {name!r}: known: {choices(kind)}")
    return kind(name)
