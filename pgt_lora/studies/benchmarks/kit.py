"""The kit's own evaluator as what answers the benchmarks, in the paper's forms; lmms-eval is not needed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json_lines, write_text
from pgt_lora.core.terminal import console
from pgt_lora.core.versions import versions
from pgt_lora.data.directory import read_manifest
from pgt_lora.evaluation.evaluate import answers, load_for_evaluation
from pgt_lora.evaluation.generation import Generation
from pgt_lora.evaluation.probability import By
from pgt_lora.models.checkpoint import family_of
from pgt_lora.models.names import Named
from pgt_lora.studies.benchmarks.catalog import Benchmark
from pgt_lora.studies.benchmarks.harness import HarnessSettings, check_numbers
from pgt_lora.studies.benchmarks.reading import Item, from_prediction
from pgt_lora.studies.benchmarks.subject import Backend, base_name

ANSWERS = "answers"
VERSIONS = ("pgt-lora", "transformers", "torch")


def check(settings: HarnessSettings) -> None:
    """Check what can be known before anything is downloaded.

    Raises:
        InputError: the settings cannot be used.
    """
    check_numbers(settings)
    if settings.backend != Backend.TRANSFORMERS:
        raise InputError(f"--backend {settings.backend}: --prompts paper is answered by this kit itself; leave it out")


def longest(named: Named, settings: HarnessSettings) -> int:
    """Return how many tokens an answer may have."""
    return settings.max_new_tokens or named.recipe.kit.max_new_tokens


def run(
    named: Named, benchmarks: Mapping[str, Benchmark], directories: Mapping[str, Path], settings: HarnessSettings,
    by: By | None, out: Path,
) -> dict[str, Any]:  # fmt: skip
    """Answer every benchmark, one file of items each, and return the facts of the run, which go into `scores.json`.

    `by` decides everywhere in the place of each benchmark's own: what a model thinks aloud has to be generated.
    """
    checkpoint = named.checkpoint
    model, encoder = load_for_evaluation(checkpoint, named.recipe)
    generation = Generation(settings.batch_size, longest(named, settings))
    (out / ANSWERS).mkdir()
    for name, benchmark in benchmarks.items():
        console.print(f"Asking {name}", soft_wrap=True)
        (task,) = benchmark.tasks
        how = by or benchmark.by
        rows, predictions = answers(model, encoder, directories[task], generation, how, limit=settings.limit)
        boxes = read_manifest(directories[task]).get("sources", {}).get(name, {}).get("boxes", {})
        lines = []
        for row, prediction in zip(rows, predictions, strict=True):
            kept = {column: row[column] for column in ("group", "answer_format", "choices")}
            item = {**prediction, **kept, "category": row["task"], "boxes": boxes.get(row["id"])}
            lines.append(json.dumps(item, ensure_ascii=False) + "\n")
        write_text(out / ANSWERS / f"{name}.jsonl", "".join(lines))
    return {
        "base": base_name(checkpoint),
        "tuned": checkpoint.adapter_dir is not None,
        "family": family_of(checkpoint.base, checkpoint.revision).name,
        "backend": "this kit",
        "batch_size": settings.batch_size,
        "limit": settings.limit,
        "image_limits": {},
        "generation": {
            "do_sample": False, "repetition_penalty": generation.repetition_penalty,
            "max_new_tokens": generation.max_new_tokens,
        },
        "input_differs": [],
    }  # fmt: skip


def read_items(benchmark: Benchmark, out: Path) -> list[Item]:
    """Read what `run` wrote of one benchmark."""
    items = [from_prediction(line) for line in read_json_lines(out / ANSWERS / f"{benchmark.name}.jsonl")]
    return [benchmark.named(item) for item in items]


def own_versions() -> dict[str, str]:
    """Return the versions that the answers depend on."""
    return versions(*VERSIONS)
