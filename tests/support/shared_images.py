"""Rows of LLaVA's mix with an image of each of its stores, and a loopback host that has the images."""

from pathlib import Path
from typing import Any

from tests.support.loopback import Host
from tests.support.originals import archive, jpeg
from tests.support.own_data import lines, turn

# As in `llava_v1_5_mix665k.json`, in each store the name of an image, and where the store has it.
NAMES = {
    "coco": "coco/train2017/000000033471.jpg",
    "gqa": "gqa/images/2354786.jpg",
    "ocr_vqa": "ocr_vqa/images/140031996X.jpg",
    "textvqa": "textvqa/train_images/011e7e629fb9ae7b.jpg",
    "vg": "vg/VG_100K_2/2404198.jpg",
}


def rows() -> list[dict[str, Any]]:
    """One row a store, and one of text alone."""
    shown = [
        {
            "id": Path(name).stem,
            "image": name,
            "conversations": [turn("human", f"<image>\nHow many of {index}?"), turn("gpt", str(index))],
        }
        for index, name in enumerate(NAMES.values())
    ]
    return [*shown, {"id": "k0M3f_0", "conversations": [turn("human", "Two and two?"), turn("gpt", "4")]}]


def mix(folder: Path) -> Path:
    return lines(folder / "llava_v1_5_mix665k.jsonl", rows())


def serve_images(host: Host) -> dict[str, str]:
    """Serve the images as their stores do, and return the mirrors."""
    name = {store: path.rpartition("/")[2] for store, path in NAMES.items()}
    host.files |= {
        f"/train2017/{name['coco']}": jpeg(0),
        "/gqa/images.zip": archive({f"images/{name['gqa']}": jpeg(1), "images/1.jpg": jpeg(9)}),
        "/ocr_vqa.zip": archive({f"ocr_vqa/{name['ocr_vqa']}": jpeg(2)}),
        "/train_val_images.zip": archive({f"train_images/{name['textvqa']}": jpeg(3)}),
        f"/VG_100K_2/{name['vg']}": jpeg(4),
    }
    places = {"gqa": "/gqa/images.zip", "ocr_vqa": "/ocr_vqa.zip", "textvqa": "/train_val_images.zip"}
    return {store: f"{host.address}{places.get(store, '')}" for store in NAMES}
