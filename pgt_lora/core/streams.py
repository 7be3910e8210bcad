"""Random streams that depend on their name alone."""

import hashlib
from random import Random


def stream(seed: int, *path: str | int) -> Random:
    """Return the generator that belongs to `seed` and `path`, the same on every machine and in every process.

    The name is hashed, so that neighboring seeds share nothing: with `Random(seed + i)`, item 1 of seed 42
    would be item 0 of seed 43.
    """
    name = "/".join([str(seed), *map(str, path)])
    return Random(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=16).digest(), "big"))
