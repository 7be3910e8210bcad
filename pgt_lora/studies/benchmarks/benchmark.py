"""A model on the paper's benchmarks in one command: sets, answers, scores, and a table beside the paper's."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError, check_known
from pgt_lora.core.files import read_json, write_json
from pgt_lora.core.new_directory import check_free, new_directory
from pgt_lora.core.terminal import console
from pgt_lora.data.directory import read_manifest
from pgt_lora.evaluation.held_out import warn_if_trained_on
from pgt_lora.evaluation.score_files import write_scores
from pgt_lora.evaluation.scoring import score_by_task
from pgt_lora.models.checkpoint import Checkpoint, family_of
from pgt_lora.models.names import Named
from pgt_lora.studies.benchmarks import harness, kit
from pgt_lora.studies.benchmarks.boxes import chosen_wrongly
from pgt_lora.studies.benchmarks.catalog import Benchmark, Prompts
from pgt_lora.studies.benchmarks.plan import Data, check_vsr_family, plan, prepare
from pgt_lora.studies.benchmarks.reading import Item
from pgt_lora.studies.benchmarks.reference import ASKED, against, check_asked, check_reference
from pgt_lora.studies.benchmarks.report import Report, print_report, write_report
from pgt_lora.studies.benchmarks.scores import by_benchmark, by_group, read_items
from pgt_lora.studies.benchmarks.subject import differences, identity, image_limits, opened

LOGS = "lmms-eval"


def benchmark(
    named: Named, data: Data, out: Path, settings: harness.HarnessSettings, reference: Path | None = None,
    overwrite: bool = False,
) -> Report:  # fmt: skip
    """Run the benchmarks, and write `scores.json`, `predictions.jsonl` and `report.md` into `out`.

    lmms-eval's own results and logs lie in `out/lmms-eval`, this kit's own answers in `out/answers`. Where they are
    there already, for the same model and the same settings, they are read again and nothing is run.

    Raises:
        InputError: something cannot be used, downloaded or read; or lmms-eval failed. `out` is not made then.
    """
    if overwrite:
        check_free(out, overwrite)
    benchmarks = plan(data)
    if settings.limit is not None and settings.limit % 2 and "mmvp" in benchmarks:
        raise InputError(f"--limit {settings.limit}: MMVP counts pairs; give an even number")
    checkpoint, by_paper = named.checkpoint, data.prompts == Prompts.PAPER
    if by_paper:
        kit.check(settings)
    else:
        harness.check(settings, family_of(checkpoint.base, checkpoint.revision))
    for path in data.directories:
        warn_if_trained_on(checkpoint, path)
    check_known("--annotations", data.annotations, data.sources)
    check_vsr_family(named, benchmarks, data.vsr_family)
    if reference:
        check_reference(reference, data.prompts)
    python, versions = ("", kit.own_versions()) if by_paper else harness.find_python(settings.backend)
    directories = prepare(benchmarks, data, settings)
    asked = {
        "model": named.name, "identity": identity(checkpoint), "benchmarks": list(benchmarks),
        "sets": {task: read_manifest(path)["content_hash"] for task, path in directories.items()},
        "limit": settings.limit, "backend": settings.backend, "max_new_tokens": settings.max_new_tokens,
        "versions": versions, "prompts": data.prompts.value, "by": data.by and data.by.value,
    }  # fmt: skip
    if reference:
        check_asked(reference, asked | ({"max_new_tokens": kit.longest(named, settings)} if by_paper else {}))
    if out.is_dir() and any(out.iterdir()) and not (out / ASKED).is_file():
        raise InputError(f"{out}: not empty and not a benchmark's directory; choose another --out")
    if overwrite or not _same(out, asked):
        if not by_paper and versions["lmms-eval"] != harness.TESTED:
            console.print(f"lmms-eval {versions['lmms-eval']}: this project is tested with {harness.TESTED}")
        with new_directory(out, overwrite) as partial:
            if by_paper:
                facts = kit.run(named, benchmarks, directories, settings, data.by, partial)
            else:
                facts = _run(python, checkpoint, benchmarks, directories, settings, partial)
            _items(benchmarks, partial, data, settings)  # where the model failed, `out` would stand in the way
            write_json(partial / ASKED, asked | {"facts": facts})
    items = _items(benchmarks, out, data, settings)
    report = _report(named.name, benchmarks, items, read_json(out / ASKED))
    _write(out, items, report)
    report = against(report, out, reference) if reference else report
    write_report(report, out)
    print_report(report)
    return report


def _items(
    benchmarks: Mapping[str, Benchmark], out: Path, data: Data, settings: harness.HarnessSettings
) -> dict[str, list[Item]]:
    if data.prompts == Prompts.PAPER:
        return {name: kit.read_items(each, out) for name, each in benchmarks.items()}
    return {name: read_items(each, out / LOGS, settings.backend) for name, each in benchmarks.items()}


def _same(out: Path, asked: Mapping[str, Any]) -> bool:
    if not (out / ASKED).is_file():
        return False
    there = read_json(out / ASKED)
    return {name: there.get(name) for name in asked} == json.loads(json.dumps(asked))


def _run(
    python: str, checkpoint: Checkpoint, benchmarks: Mapping[str, Benchmark], directories: Mapping[str, Path],
    settings: harness.HarnessSettings, out: Path,
) -> dict[str, Any]:  # fmt: skip
    """Run lmms-eval and return the facts of the run, which go into `scores.json`."""
    tasks = list(chain.from_iterable(each.tasks for each in benchmarks.values()))
    with opened(checkpoint, out.parent) as subject, tempfile.TemporaryDirectory() as scratch:
        limits = image_limits(subject.directory)
        include = harness.write_tasks(Path(scratch) / "tasks", directories)
        logs = (out / LOGS).resolve()
        words = harness.command(python, subject, settings, tasks, limits, include, logs)
        console.print(f"lmms-eval: {', '.join(tasks)}", soft_wrap=True)
        harness.run(words, logs, (settings.hub_copies or Path(scratch)).resolve())
        return {
            "base": subject.base,
            "tuned": subject.tuned,
            "family": subject.family.name,
            "backend": settings.backend,
            "batch_size": settings.batch_size,
            "limit": settings.limit,
            "image_limits": limits,
            "generation": {"do_sample": False, "repetition_penalty": 1.0},
            "input_differs": differences(subject, settings.backend),
        }


def _report(
    model: str, benchmarks: Mapping[str, Benchmark], items: Mapping[str, Sequence[Item]], asked: Mapping[str, Any]
) -> Report:
    return Report(
        model=model,
        benchmarks=benchmarks,
        scores=by_benchmark(items, benchmarks),
        groups=by_group(items, benchmarks),
        facts=asked["facts"] | {"versions": asked["versions"], "prompts": asked["prompts"]},
        boxes={name: found for name, each in items.items() if (found := chosen_wrongly(each))},
        decided={name: " and ".join(sorted({item.by for item in each})) for name, each in items.items()},
    )


def _write(out: Path, items: Mapping[str, Sequence[Item]], report: Report) -> None:
    predictions = [item.to_prediction() for each in items.values() for item in each]
    rows = [each | {"answer": each["expected"]} for each in predictions]
    facts = {
        "model": report.model,
        **report.facts,
        "benchmarks": {name: asdict(score) | report.labels(name) for name, score in report.scores.items()},
        "groups": {title: asdict(score) for title, score in report.groups.items()},
        **({"chosen_wrongly": report.boxes} if report.boxes else {}),
    }
    write_scores(out, predictions, score_by_task(rows, predictions), facts)
