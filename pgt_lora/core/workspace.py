"""Where things lie: what ships with the kit, and what its commands make."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
# In a wheel, recipes and small models lie inside the package; in a checkout, beside it.
SHIPPED = PACKAGE / "shipped" if (PACKAGE / "shipped").is_dir() else PACKAGE.parent
RECIPES = SHIPPED / "recipes"
IS_CHECKOUT = (SHIPPED / "Makefile").is_file()
LAUNCH_FILES = RECIPES / "accelerate"
HOME_VARIABLE = "PGT_LORA_HOME"


def home() -> Path:
    """Return the directory that datasets and runs are made in: `PGT_LORA_HOME`, or the current one."""
    return Path(os.environ.get(HOME_VARIABLE) or ".").absolute()


def data_directory(name: str) -> Path:
    """Return where a dataset directory that the kit makes of itself lies."""
    return home() / "data" / name


def run_directory(name: str) -> Path:
    """Return where a run lies that was given no other place."""
    return home() / "runs" / name


def shipped_path(name_or_path: str) -> str:
    """Return the path of a checkpoint that ships with the kit, or the path or Hub id as it is."""
    inside = SHIPPED / name_or_path
    return str(inside) if name_or_path.startswith("data/tiny-") and inside.is_dir() else name_or_path
