"""Pairs that a person types: `name=value,name=value`."""

from pgt_lora.core.errors import InputError


def parse_pairs(option: str, text: str | None, default: str | None = None) -> dict[str, str]:
    """Read `name=value,name=value`; with a `default`, a name may stand alone.

    Raises:
        InputError: a name stands twice, or alone without a default.
    """
    pairs: dict[str, str] = {}
    for part in (text or "").split(",") if text else []:
        name, equals, value = part.strip().rpartition("=")
        if not equals:
            name, value = value, default or ""
        if not name or not value or name in pairs:
            raise InputError(f"{option} {text!r}: {part.strip()!r} is not name=value, or is given twice")
        pairs[name] = value
    return pairs


def parse_shares(option: str, text: str | None) -> dict[str, float]:
    """Read `name=2,name=1`; a name alone has the share 1.

    Raises:
        InputError: a name stands twice, or a share is no positive number.
    """
    shares = {}
    for name, value in parse_pairs(option, text, default="1").items():
        try:
            shares[name] = float(value)
        except ValueError:
            shares[name] = 0.0
        if not 0 < shares[name] < float("inf"):
            raise InputError(f"{option} {name}={value}: a share must be a positive number")
    return shares
