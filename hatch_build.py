"""Puts recipes and small models into a wheel, where `pgt_lora/core/workspace.py` looks for them.

An editable install gets none of them: it reads the checkout's own.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Shipped(BuildHookInterface[Any]):
    """Adds `recipes` and `data/tiny-*` under `pgt_lora/shipped`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name what is put where; called before a wheel is built."""
        if version == "editable":
            return
        root = Path(self.root)
        for path in (root / "recipes", *sorted((root / "data").glob("tiny-*"))):
            build_data["force_include"][str(path)] = f"pgt_lora/shipped/{path.relative_to(root).as_posix()}"
