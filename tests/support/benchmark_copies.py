"""Small local copies of the benchmarks, in the schemas that lmms-eval's tasks read, with synthetic images in them."""

import io
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from datasets import Dataset, Features, Image, List, Value
from PIL import Image as Pillow
from PIL import ImageDraw

from tests.support.originals import lines

TEXT, NUMBER = Value("string"), Value("int64")
COLORS = ("red", "green", "blue", "yellow")
NEARER = (
    "Which object is closer to the camera taking this photo, the door (highlighted by a red box) or the books "
    "(highlighted by a blue box)?"
)
BOXES = [[20.0, 24.0, 88.0, 80.0], [120.0, 132.0, 200.0, 192.0]]  # the books are larger and lower
SIDE = 224  # a multiple of 28 and of 32: qwen_vl_utils resizes nothing then


@cache
def picture(index: int) -> bytes:
    """Return a gray PNG with two boxes, whose colors and order depend on the index."""
    image = Pillow.new("RGB", (SIDE, SIDE), (128, 128, 128))
    draw = ImageDraw.Draw(image)
    first, second = COLORS[index % 4], COLORS[(index + 1) % 4]
    draw.rectangle((20, 24, 88, 80), fill=first)
    draw.rectangle((120, 132, 200, 192) if index % 2 else (120, 24, 200, 80), fill=second)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def images(number: int) -> list[dict[str, Any]]:
    return [{"bytes": picture(index), "path": None} for index in range(number)]


def put(
    root: Path, name: str, split: str, columns: dict[str, Sequence[Any]], kinds: dict[str, Any], config: str = ""
) -> None:
    """Write one split of a Hub dataset; a config gets a folder, which the card names."""
    directory = root / name
    table = Dataset.from_dict(dict(columns), Features(kinds))
    path = directory / (config or "data") / f"{split}-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path)
    if config:
        names = sorted(each.name for each in directory.iterdir() if each.is_dir())
        parts = [{"config_name": each, "data_files": [{"split": split, "path": f"{each}/*.parquet"}]} for each in names]
        (directory / "README.md").write_text(f"---\nconfigs: {json.dumps(parts)}\n---\n")


def write_copies(root: Path) -> Path:
    """Write the copies of what lmms-eval has tasks for; two rows of GQA, whose task starts a process for each."""
    six, letters = range(6), [f"({'AB'[i % 2]})" for i in range(6)]
    asked = [f"Where is the {COLORS[i % 4]} box relative to the {COLORS[(i + 1) % 4]} box?" for i in six]
    choices = [["left", "above"]] * 6
    prompts = [f"{each} Select from the following choices.\n(A) left\n(B) above" for each in asked]
    put(
        root, "lmms-lab-encoder/POPE", "test",
        {"question_id": [str(i) for i in six], "answer": ["yes", "no"] * 3, "image": images(6),
         "question": [f"Is there a {COLORS[i % 4]} box in the image?" for i in six]},
        {"question_id": TEXT, "question": TEXT, "answer": TEXT, "image": Image()},
    )  # fmt: skip
    put(
        root, "lmms-lab-eval/MMVP", "train",
        {"Index": [i + 1 for i in six], "Question": [asked[i // 2] for i in six],
         "Options": ["(a) left (b) above"] * 6, "Correct Answer": ["(a)", "(b)"] * 3, "image": images(6)},
        {"Index": NUMBER, "Question": TEXT, "Options": TEXT, "Correct Answer": TEXT, "image": Image()},
    )  # fmt: skip
    put(
        root, "Lin-Chen/MMStar", "val",
        {"index": list(six), "question": [f"{each}\nOptions: A: left, B: above, C: both, D: neither" for each in asked],
         "answer": ["A", "B", "A", "D", "C", "A"], "category": ["fine-grained perception"] * 4 + ["math"] * 2,
         "l2_category": ["object counting"] + ["recognition"] * 3 + ["geometry"] * 2, "image": images(6)},
        {"index": NUMBER, "question": TEXT, "answer": TEXT, "category": TEXT, "l2_category": TEXT, "image": Image()},
    )  # fmt: skip
    for config, tasks in {"2D": ("Relation", "Count"), "3D": ("Depth", "Distance")}.items():
        put(
            root, "nyu-visionx/CV-Bench", "test",
            {"idx": list(six), "type": [config] * 6, "task": list(tasks) * 3, "image": images(6),
             "question": asked if config == "2D" else [NEARER] * 6,
             "choices": choices if config == "2D" else [["door", "books"]] * 6, "answer": letters, "prompt": prompts,
             "source": ["COCO"] * 6, "bbox": [BOXES if config == "3D" and i else None for i in six]},
            {"idx": NUMBER, "type": TEXT, "task": TEXT, "image": Image(), "question": TEXT, "choices": List(TEXT),
             "answer": TEXT, "prompt": TEXT, "source": TEXT, "bbox": List(List(Value("float64")))}, config,
        )  # fmt: skip
    for config in ("Spatial_Relation", "Relative_Depth", "Object_Localization", "Counting"):
        put(
            root, "BLINK-Benchmark/BLINK", "val",
            {"idx": [f"val_{config}_{i}" for i in six], "sub_task": [config] * 6, "question": asked, "choices": choices,
             "answer": letters, "prompt": prompts, "image_1": images(6)},
            {"idx": TEXT, "sub_task": TEXT, "question": TEXT, "choices": List(TEXT), "answer": TEXT, "prompt": TEXT,
             "image_1": Image()}, config,
        )  # fmt: skip
    put(
        root, "lmms-lab-encoder/SEED-Bench", "test",
        {"question_id": [str(i) for i in six], "question": asked, "choice_a": ["left"] * 6, "choice_b": ["above"] * 6,
         "choice_c": ["both"] * 6, "choice_d": ["neither"] * 6, "answer": ["A", "B", "C", "D", "A", "B"],
         "data_type": ["image"] * 5 + ["video"], "question_type_id": [6, 6, 5, 5, 1, 10],
         "image": [[each] for each in images(6)]},
        dict.fromkeys(("question_id", "question", "choice_a", "choice_b", "choice_c", "choice_d", "answer"), TEXT)
        | {"data_type": TEXT, "question_type_id": NUMBER, "image": List(Image())},
    )  # fmt: skip
    put(
        root, "lmms-lab-encoder/RealWorldQA", "test",
        {"question": [*(f"{each}\n\nA. left\nB. above\nAnswer directly." for each in asked[:5]), "How many boxes?"],
         "answer": ["A", "B", "A", "B", "A", "2"], "image": images(6)},
        {"question": TEXT, "answer": TEXT, "image": Image()},
    )  # fmt: skip
    put(
        root, "lmms-lab-encoder/GQA", "testdev",
        {"id": ["1", "2"], "imageId": ["a", "b"], "question": ["Which color is it?"] * 2, "answer": ["red", "blue"]},
        dict.fromkeys(("id", "imageId", "question", "answer"), TEXT), "testdev_balanced_instructions",
    )  # fmt: skip
    put(
        root, "lmms-lab-encoder/GQA", "testdev", {"id": ["a", "b"], "image": images(2)}, {"id": TEXT, "image": Image()},
        "testdev_balanced_images",
    )  # fmt: skip
    put(
        root, "lmms-lab-encoder/ai2d", "test",
        {"question": asked, "options": choices, "answer": ["0", "1"] * 3, "image": images(6)},
        {"question": TEXT, "options": List(TEXT), "answer": TEXT, "image": Image()},
    )  # fmt: skip
    return root


def write_annotations(root: Path) -> dict[str, str]:
    """Write the originals' files of the benchmarks that this project asks itself; their images lie in `root/images`."""
    for index, number in enumerate((42, 296471, 172406, 7)):
        for folder in ("train2017", "val2017"):
            path = root / "images" / folder / f"{number:012d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Pillow.open(io.BytesIO(picture(index))).save(path, quality=95)
    one = [[number, "A photo of a box on the left", "A photo of a box on the right"] for number in (42, 296471, 172406)]
    (root / "coco_qa_one_obj.json").write_text(json.dumps(one))
    (root / "coco_qa_two_obj.json").write_text(json.dumps([[7, "A red box above a blue box", "A red box below it"]]))
    host = "http://images.cocodataset.org"
    statements = [("val2017", 42, 1), ("train2017", 296471, 0), ("train2017", 172406, 1), ("val2017", 7, 0)]
    lines(
        root / "test.jsonl",
        [
            {"image": f"{number:012d}.jpg", "image_link": f"{host}/{folder}/{number:012d}.jpg", "label": label,
             "caption": "The red box is left of the green box.", "relation": "left of", "reference_frame": None}
            for folder, number, label in statements
        ],
    )  # fmt: skip
    counts = [(42, "How many boxes are there?", 2), (296471, "How many red boxes are there?", 0), (7, "How many?", 1)]
    entries = [
        {"answer": answer, "image": f"val2014/COCO_val2014_{number:012d}.jpg", "question": question, "issimple": True}
        for number, question, answer in counts
    ]
    (root / "test.json").write_text(json.dumps(entries))
    return {"whatsup": str(root), "vsr": str(root / "test.jsonl"), "tallyqa": str(root / "test.json")}
