"""What lmms-eval calls for this project's tasks; `pgt_lora.evaluation.scoring` reads and counts, as everywhere."""

from typing import Any

from lmms_eval.tasks.seedbench.utils import seed_doc_to_text as seed_question
from lmms_eval.tasks.seedbench.utils import seed_doc_to_visual as seed_visuals
from lmms_eval.tasks.seedbench.utils import seed_process_result

from pgt_lora.data.images import decode
from pgt_lora.evaluation.reading import parse
from pgt_lora.evaluation.scoring import correct

__all__ = ["images", "question", "score", "seed_images", "seed_question", "seed_score", "seed_visuals"]

# The kinds of question about single images, by the numbers of SEED-Bench-1.
KINDS = {
    1: "Scene Understanding",
    2: "Instance Identity",
    3: "Instance Attributes",
    4: "Instance Location",
    5: "Instances Counting",
    6: "Spatial Relation",
    7: "Instance Interaction",
    8: "Visual Reasoning",
    9: "Text Understanding",
}


def images(doc: dict[str, Any]) -> list[Any]:
    """Return a row's images as RGB pixels, as in training."""
    return [decode(image, f"row {doc['id']}") for image in doc["images"]]


def question(doc: dict[str, Any]) -> str:
    """Return a row's question as it is: nothing is put before or behind it."""
    return str(doc["prompt"][0]["content"])


def score(doc: dict[str, Any], outputs: list[str]) -> dict[str, Any]:
    """Return whether the output is right, and what the log needs to be read without the dataset."""
    parsed = parse(outputs[0], doc["answer_format"], doc["choices"], question(doc))
    right = correct(parsed, doc["answer"], doc["answer_format"])
    kept = {name: doc[name] for name in ("id", "task", "group", "answer_format", "choices")}
    return {"accuracy": float(right), "item": kept | {"expected": doc["answer"], "parsed": parsed, "correct": right}}


def seed_images(dataset: Any) -> Any:
    """Return the questions about single images."""
    return dataset.filter(lambda kind: kind == "image", input_columns=["data_type"])


def seed_score(doc: dict[str, Any], outputs: list[str]) -> dict[str, Any]:
    """Return lmms-eval's verdict with the kind of question."""
    found = seed_process_result(doc, outputs)["seed_all"]
    right = found["pred"].strip().lower() == found["answer"].strip().lower()
    return {"accuracy": float(right), "seed": found | {"category": KINDS[int(doc["question_type_id"])]}}
