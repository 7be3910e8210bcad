"""Where things lie: what ships with the kit, what its commands make, and what is on the Hub instead."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
# In a wheel, recipes and small models lie inside the package; in a checkout, beside it.
SHIPPED = PACKAGE / "shipped" if (PACKAGE / "shipped").is_dir() else PACKAGE.parent
RECIPES = SHIPPED / "recipes"
IS_CHECKOUT = (SHIPPED / "Makefile").is_file()
LAUNCH_FILES = RECIPES / "accelerate"
HOME_VARIABLE = "PGT_LORA_HOME"
PATHS = ("runs", "data", "recipes")  # first parts of names that are paths and never a Hub id's owner


def home() -> Path:
    """Return the directory that datasets and runs are made in: `PGT_LORA_HOME`, or the current one."""
    return Path(os.environ.get(HOME_VARIABLE) or ".").absolute()


def data_directory(name: str) -> Path:
    """Return where a dataset directory that the kit makes of itself lies."""
    return home() / "data" / name


def run_directory(name: str) -> Path:
    """Return where a run lies that was given no other place."""
    return home() / "runs" / name


def user_cache() -> Path:
    """Return the user's cache directory for what is downloaded, and for copies that no dataset directory can hold."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pgt-lora"


def is_hub_id(name: str) -> bool:
    """Tell whether a name is `owner/name`, and not a path: a directory's, or one that begins as the kit's paths do."""
    owner, slash, rest = name.partition("/")
    if not slash or not owner or not rest or "/" in rest or "\\" in name or name.startswith((".", "~")):
        return False
    return owner not in PATHS and not Path(owner).is_dir() and not Path(name).exists()


def shipped_path(name_or_path: str) -> str:
    """Return the path of a checkpoint that ships with the kit, or the path or Hub id as it is."""
    inside = SHIPPED / name_or_path
    return str(inside) if name_or_path.startswith("data/tiny-") and inside.is_dir() else name_or_path
