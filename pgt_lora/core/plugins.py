"""Finding tasks, sources, readers and families: a module that ends in `TASK = …` (and so on) is known by its name."""

import importlib
import pkgutil
from functools import cache
from typing import Any

from pgt_lora.core.errors import InputError, choices


@cache
def discover(package: str, attribute: str) -> dict[str, Any]:
    """Return what the modules of `package` define as `attribute`, keyed and sorted by its `name`."""
    home = importlib.import_module(package)
    modules = (importlib.import_module(f"{package}.{info.name}") for info in pkgutil.iter_modules(home.__path__))
    found = [getattr(module, attribute) for module in modules if hasattr(module, attribute)]
    return {entry.name: entry for entry in sorted(found, key=lambda entry: entry.name)}


def lookup(package: str, attribute: str, name: str, where: str) -> Any:
    """Return one entry by name; raise `InputError` that says `where` the unknown name stands and which are known."""
    known = discover(package, attribute)
    if name not in known:
        raise InputError(f"{where}: unknown {name!r}; known: {choices(known)}")
    return known[name]
