"""Small files in the schemas of the original datasets, with the traps of the originals in them."""

import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

from PIL import Image

TALLYQA = [
    {
        "answer": 4,
        "data_source": "imported_genome",
        "image": "VG_100K_2/2410408.jpg",
        "image_id": 92410408,
        "question": "How many headlights does the black bus have?",
        "question_id": 30095774,
    },
    {
        "answer": 0,
        "data_source": "amt",
        "image": "train2014/COCO_train2014_000000296471.jpg",
        "image_id": 296471,
        "issimple": False,  # in the test file alone
        "question": "How many dogs are there? ",
        "question_id": 1,
    },
    {"answer": 12, "image": "val2014/COCO_val2014_000000000042.jpg", "image_id": 42, "question": "How many birds?"},
]
RANDOM = [
    {
        "image": "000000296471.jpg",
        "image_link": "http://images.cocodataset.org/train2017/000000296471.jpg",
        "caption": "The cat is inside the refrigerator.",
        "label": 0,
        "relation": "inside",
        "annotator_id": 27,
        "vote_true_validator_id": "[]",
        "vote_false_validator_id": "[1, 2, 20]",
        "reference_frame": None,
    },
    {
        "image": "000000000042.jpg",
        "image_link": "http://images.cocodataset.org/val2017/000000000042.jpg",
        "caption": "The bed is right of the bench.",
        "label": 1,
        "relation": "right of",
        "annotator_id": 29,
        "vote_true_validator_id": "[2, 16]",
        "vote_false_validator_id": "[66]",
        "reference_frame": 0.0,
    },
]
ZEROSHOT = [
    {
        "image": "000000172406.jpg",
        "image_link": "http://images.cocodataset.org/train2017/000000172406.jpg",
        "caption": "The horse is next to the bus.",
        "label": 1,
        "relation": "next to",
        "subj": "orse",
        "obj": "bus",
        "annotator_id": 35,
        "vote_true_validator_id": "[2, 67, 20]",
        "vote_false_validator_id": "[]",
    }
]
QUESTION = (
    "Measuring from the closest point of each object, which of these two objects (tv, pillow) is closer to the table?"
)


def ladder(**fields: Any) -> dict[str, Any]:
    entry = {
        "question_id": 1,
        "question": QUESTION,
        "options": ["A. tv", "B. pillow"],
        "answer": "A.",
        "image": ["scene0022_00/1760.jpg"],
        "question_type": "relative distance",
        "data_type": "single_image",
    }
    return entry | fields


def lines(path: Path, entries: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return path


def put(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg(seed))


def jpeg(seed: int, side: int = 48) -> bytes:
    file = io.BytesIO()
    Image.frombytes("RGB", (side, side), random.Random(seed).randbytes(3 * side * side)).save(file, "JPEG")
    return file.getvalue()


def archive(members: dict[str, bytes], extra: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for index, (name, data) in enumerate(members.items()):
            info = zipfile.ZipInfo(name)
            info.compress_type = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[index % 2]
            info.extra = extra
            opened.writestr(info, data)
    return file.getvalue()


def coco(images: dict[int, tuple[int, int]], boxes: list[tuple[int, str, list[float], int]]) -> dict[str, Any]:
    """Return object annotations in COCO's schema: sizes by image id, and (image id, category, bbox, iscrowd)."""
    names = sorted({name for _, name, _, _ in boxes})
    return {
        "info": {"description": "COCO 2017 Dataset"},
        "licenses": [],
        "images": [
            {
                "license": 3,
                "file_name": f"{number:012d}.jpg",
                "coco_url": f"http://images.cocodataset.org/train2017/{number:012d}.jpg",
                "height": height,
                "width": width,
                "id": number,
            }
            for number, (width, height) in images.items()
        ],
        "annotations": [
            {
                "segmentation": {"counts": [1, 2], "size": [3, 1]} if crowd else [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]],
                "area": box[2] * box[3],
                "iscrowd": crowd,
                "image_id": image,
                "bbox": box,
                "category_id": names.index(name) + 1,
                "id": 1000 + number,
            }
            for number, (image, name, box, crowd) in enumerate(boxes)
        ],
        "categories": [{"supercategory": "thing", "id": n, "name": name} for n, name in enumerate(names, 1)],
    }
