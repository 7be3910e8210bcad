"""What a comparison's directory holds, told without what trains."""

import hashlib
import json
from typing import Any

ASKED = "asked.json"  # marks the directory of a comparison
RESULTS = "results.json"


def short_hash(value: Any) -> str:
    """Return twelve hexadecimal digits that stand for a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:12]
