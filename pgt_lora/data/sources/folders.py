"""The folders in which LLaVA's, ShareGPT4V's and Cambrian's rows name the images of other datasets."""

import re

from pgt_lora.data.sources.source import ImageRef
from pgt_lora.data.sources.store import COCO, GQA, OCR_VQA, TEXTVQA, VISUAL_GENOME, Store

FOLDERS: dict[str, Store] = {
    "coco/train2017": COCO, "coco/val2017": COCO, "coco/train2014": COCO, "coco/val2014": COCO,
    "gqa/images": GQA, "ocr_vqa/images": OCR_VQA, "textvqa/train_images": TEXTVQA,
    "vg/VG_100K": VISUAL_GENOME, "vg/VG_100K_2": VISUAL_GENOME,
}  # fmt: skip
_PATH = re.compile(r"(?:\./)?(\w+/\w+)/([\w-]+\.jpg)")


def stored(path: str) -> ImageRef | None:
    """Return the image of a store that a row's path means (`gqa/images/2374264.jpg`); None where it means none."""
    match = _PATH.fullmatch(path)
    if match is None or match[1] not in FOLDERS:
        return None
    return ImageRef(FOLDERS[match[1]].name, f"{match[1].partition('/')[2]}/{match[2]}")
