"""What a verification wrote down, read without what verifies."""

import json
from collections.abc import Iterable
from pathlib import Path

VERIFICATION = "verification.json"


def has_passed(merged: Path, scores: Iterable[str] = ()) -> bool:
    """Tell whether a merged checkpoint's own record says that it passed its verification, these scores compared."""
    try:
        record = json.loads((merged / VERIFICATION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("passed") is True and set(scores) <= record.get("sha256", {}).keys()
