"""The versions that what is made depends on."""

import subprocess
from datetime import datetime
from importlib import metadata
from typing import Any

from pgt_lora import __version__
from pgt_lora.core.workspace import IS_CHECKOUT, SHIPPED


def versions(*names: str) -> dict[str, str]:
    """Return the installed versions of packages; the kit's own is known from a checkout, too."""
    return {name: __version__ if name == "pgt-lora" else metadata.version(name) for name in names}


def commit() -> str | None:
    """Return the commit of the kit's checkout, with a mark where files differ from it; None where there is none."""
    if not IS_CHECKOUT or not (SHIPPED / ".git").exists():
        return None
    words = ["git", "-C", str(SHIPPED), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        told = subprocess.run(words, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() or None


def made_with(*names: str) -> dict[str, Any]:
    """Return what a record says of its making: the versions of packages, the kit's commit, and when."""
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    return {"versions": versions(*names), "commit": commit(), "finished": now}
