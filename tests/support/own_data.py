"""Other people's data in every form that is imported: 20 rows each, on images that are made on the spot."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pgt_lora.data.readers.build import import_data
from tests.support.published_rows import cambrian, cauldron
from tests.support.row_files import NUM_ROWS, images, lines, parquet, png, turn

SIDES = ("left", "right")


def llava_rows() -> list[dict[str, Any]]:
    """The shapes of LLaVA's mix: `<image>` first or last, text-only rows, ids and images that come again."""
    rows: list[dict[str, Any]] = []
    for index in range(NUM_ROWS):
        name = f"coco/train2017/{index // 2:012d}.png"  # two rows show each image
        row: dict[str, Any] = {"id": f"{index // 3:012d}", "image": name}
        if index % 5 == 4:
            del row["image"]
            said = [turn("human", "What is two and two?\n"), turn("gpt", "It is four.")]
        elif index % 5 == 3:
            said = [turn("human", "What color is it?\nAnswer with a single word.\n<image>"), turn("gpt", "Blue")]
        elif index % 5 == 2:
            said = [
                turn("human", "<image>\nWhat is this?"), turn("gpt", "A plain area."),
                turn("human", "Where is it?\nA. left\nB. right\nAnswer with the option's letter from the given choices "
                     "directly."), turn("gpt", "B"),
            ]  # fmt: skip
        else:
            said = [turn("human", f"<image>\nHow many things are there in {index}?"), turn("gpt", str(index))]
        rows.append(row | {"conversations": said})
    return rows


def llava(folder: Path) -> Path:
    images(folder, [f"coco/train2017/{index:012d}.png" for index in range(NUM_ROWS // 2)])
    path = folder / "mix.json"
    path.write_text(json.dumps(llava_rows(), indent=1), encoding="utf-8")
    return path


def sharegpt(folder: Path) -> Path:
    """Two images a row, where their placeholders stand, behind a system turn."""
    images(folder, [f"{index}.png" for index in range(NUM_ROWS + 1)])
    rows = [
        {
            "system": "You are brief.",
            "conversations": [turn("human", "Is <image> lighter than <image>?"), turn("gpt", "yes")],
            "images": [f"{index}.png", f"{index + 1}.png"],
        }
        for index in range(NUM_ROWS)
    ]
    return lines(folder / "pairs.jsonl", rows)


def message_rows() -> list[dict[str, Any]]:
    """OpenAI's parts: an image stands in its turn."""
    return [
        {
            "messages": [
                {"role": "system", "content": "Answer in one word."},
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": f"shots/{index}.png"}},
                        {"type": "text", "text": "On which side? Answer with left or right."},
                    ],
                },
                {"role": "assistant", "content": SIDES[index % 2]},
            ]
        }
        for index in range(NUM_ROWS)
    ]


def messages(folder: Path) -> Path:
    images(folder, [f"shots/{index}.png" for index in range(NUM_ROWS)])
    return lines(folder / "chat.jsonl", message_rows())


def messages_parquet(folder: Path) -> Path:
    """TRL's messages: images in a column of their own, their places in the turns, and columns of both parts."""
    rows = [
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image", "text": None}, {"type": "text", "text": f"How many of {index}?"}],
                },
                {"role": "assistant", "content": [{"type": "text", "text": str(index)}]},
            ],
            "images": [{"bytes": png(index), "path": f"{index}.png"}],
        }
        for index in range(NUM_ROWS)
    ]
    return parquet(folder / "messages.parquet", rows)


def trl(folder: Path) -> Path:
    rows = [
        {
            "prompt": [{"role": "user", "content": f"How many of {index}?"}],
            "completion": [{"role": "assistant", "content": f"{index}."}],
            "images": [{"bytes": png(index), "path": None}],
        }
        for index in range(NUM_ROWS)
    ]
    return parquet(folder / "trl.parquet", rows)


def question_rows(folder: Path) -> list[dict[str, Any]]:
    images(folder, [f"{index}.png" for index in range(NUM_ROWS)])
    return [
        {"question": f"Which side, {index}?", "answer": SIDES[index % 2], "image": f"{index}.png"}
        for index in range(NUM_ROWS)
    ]


def questions_csv(folder: Path) -> Path:
    """A table with columns of other names."""
    rows = question_rows(folder)
    with (folder / "table.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["q", "a", "img", "note"])
        writer.writerows([row["question"], row["answer"], row["image"], "of\nno use"] for row in rows)
    return folder / "table.csv"


def questions_jsonl(folder: Path) -> Path:
    """Options beside the question, and a letter as the answer."""
    rows = [row | {"options": list(SIDES), "answer": "AB"[SIDES.index(row["answer"])]} for row in question_rows(folder)]
    return lines(folder / "options.jsonl", rows)


def questions_json(folder: Path) -> Path:
    path = folder / "questions.json"
    path.write_text(json.dumps(question_rows(folder)), encoding="utf-8")
    return path


def saved(folder: Path) -> Path:
    from datasets import Dataset, Image

    rows = {
        "question": [f"How many of {index}?" for index in range(NUM_ROWS)],
        "answer": list(range(NUM_ROWS)),
        "image": [{"bytes": png(index), "path": None} for index in range(NUM_ROWS)],
    }
    Dataset.from_dict(rows).cast_column("image", Image()).save_to_disk(str(folder / "saved"))
    return folder / "saved"


def image_folder(folder: Path) -> Path:
    pictures = folder / "pictures"
    images(pictures, [f"{index}.png" for index in range(NUM_ROWS)])
    with (pictures / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "question", "answer"])
        writer.writerows([f"{index}.png", "Is it light?", ("yes", "no")[index % 2]] for index in range(NUM_ROWS))
    return pictures


def image_folder_jsonl(folder: Path) -> Path:
    pictures = folder / "shown"
    names = [f"{index}.png" for index in range(NUM_ROWS)]
    images(pictures, names)
    rows = [{"file_name": name, "question": "Where?", "answer": f"(0.{n:02d}, 0.5)"} for n, name in enumerate(names)]
    lines(pictures / "metadata.jsonl", rows)
    return pictures


def imported(files: Sequence[bytes], out: Path, **columns: Any) -> Path:
    """Import image files with a question each, and other columns, as a dataset directory."""
    folder = out.with_name(f"{out.name}-files")
    folder.mkdir()
    for index, data in enumerate(files):
        (folder / f"{index}.png").write_bytes(data)
    rows = [
        {"image": f"{n}.png", "question": f"What is {n}?", "answer": f"A {n}.", **columns} for n in range(len(files))
    ]
    import_data(str(lines(folder / f"{out.name}.jsonl", rows)), out)
    return out


# By name: what writes the form, the columns that must be named, and the formats of the answers.
FORMS: dict[str, tuple[Callable[[Path], Path], dict[str, str], dict[str, int]]] = {
    "llava": (llava, {}, {"number": 8, "letter": 4, "text": 8}),
    "sharegpt": (sharegpt, {}, {"word": 20}),
    "messages": (messages, {}, {"word": 20}),
    "messages-parquet": (messages_parquet, {}, {"number": 20}),
    "trl": (trl, {}, {"number": 20}),
    "questions-csv": (questions_csv, {"question": "q", "answer": "a", "image": "img"}, {"text": 20}),
    "questions-jsonl": (questions_jsonl, {}, {"letter": 20}),
    "questions-json": (questions_json, {}, {"text": 20}),
    "saved": (saved, {}, {"number": 20}),
    "cambrian": (cambrian, {}, {"number": 20}),
    "cauldron": (cauldron, {}, {"letter": 20}),
    "image-folder": (image_folder, {}, {"word": 20}),
    "image-folder-jsonl": (image_folder_jsonl, {}, {"point": 20}),
}
