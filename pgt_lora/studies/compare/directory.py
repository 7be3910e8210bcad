"""What a comparison's directory holds, told without what trains."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

ASKED = "asked.json"  # marks the directory of a comparison
RESULTS = "results.json"


def short_hash(value: Any) -> str:
    """Return twelve hexadecimal digits that stand for a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:12]


def base_name(values: Mapping[str, Any]) -> str:
    """Return what names a recipe's base: a directory or a Hub id, with the revision where that is not the main one."""
    revision = values.get("model_revision")
    return values["model_name_or_path"] + (f"@{revision}" if revision not in (None, "main") else "")
