"""Which rows show the same photograph: one spelling of an image's id for all sources."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from pgt_lora.core.errors import InputError

_COCO = re.compile(r"(?:^|/)(?:COCO_(?:train|val|test)20\d\d_)?0*(\d+)(?:\.(?:jpg|jpeg|png))?$", re.IGNORECASE)
_VG = re.compile(r"(?:^|/)(\d+)(?:\.(?:jpg|jpeg|png))?$", re.IGNORECASE)


def coco_id(spelling: str | int) -> int | None:
    """Return the id in any of COCO's spellings (`COCO_train2014_000000296471.jpg`, `000000296471.jpg`, 296471)."""
    found = _COCO.search(str(spelling))
    return int(found[1]) if found else None


def coco_group(spelling: str | int, where: str) -> str:
    """Return `coco:ID`; raise `InputError` that names the row if there is no id in it."""
    number = coco_id(spelling)
    if number is None:
        raise InputError(f"{where}: no COCO image id in {spelling!r}")
    return f"coco:{number}"


def vg_group(spelling: str | int, to_coco: Mapping[int, int], where: str) -> str:
    """Return `coco:ID` where Visual Genome took the image from COCO and the mapping says so, else `vg:ID`."""
    found = _VG.search(str(spelling))
    if found is None:
        raise InputError(f"{where}: no Visual Genome image id in {spelling!r}")
    number = int(found[1])
    return f"coco:{to_coco[number]}" if number in to_coco else f"vg:{number}"


def read_vg_to_coco(path: Path) -> dict[int, int]:
    """Read Visual Genome's own `image_data.json`: a list of objects with `image_id` and `coco_id` (or null).

    Raises:
        InputError: it is another file.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {int(each["image_id"]): int(each["coco_id"]) for each in entries if each["coco_id"] is not None}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: not Visual Genome's image_data.json ({error!r})") from error
