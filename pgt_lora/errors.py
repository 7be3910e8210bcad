"""The one error that a user is meant to read."""


class InputError(ValueError):
    """Something the user gave cannot be used; the message names it and what to do instead.

    The command line prints the message on one line, without a traceback, and exits with status 2.
    """


def choices(known: object) -> str:
    """Return the known names as one sorted, comma-separated string, for the end of a message."""
    return ", ".join(sorted(str(name) for name in known))  # type: ignore[attr-defined]
