"""The parts that time training, in the order of their worth; the whole runs of the first are in `whole`."""

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

from pgt_lora.core.machine import free_gpu
from pgt_lora.data.directory import open_dataset
from pgt_lora.evaluation.evaluate import load_for_evaluation
from pgt_lora.evaluation.generation import Generation, answer
from pgt_lora.models.feature_cache import cached
from pgt_lora.models.lengths import measure
from pgt_lora.models.names import base_of, resolve
from pgt_lora.studies.gpu_check import whole
from pgt_lora.studies.gpu_check.bench import Bench, sized
from pgt_lora.studies.gpu_check.ledger import Figures
from pgt_lora.studies.gpu_check.timed import random_weights, told
from pgt_lora.studies.speed.contenders import KIT, TRL

THEIRS = 45  # seconds that TRL's steps may take before they are ended
WITHIN = 0.2  # share by which the peak may differ from the estimate
UNCAST = ("--cast_lora_inputs", "false")
COMPILED = ("--compile_layers", "true")
NON_BLOCKING = ("--accelerator_config", '{"non_blocking": true}', "--dataloader_pin_memory", "true")
TOWER = "vision_config"
NO_CACHE = ("--feature_cache_gb", "0")


def machine(figures: Figures) -> str:
    """Spell what is computed on."""
    sheet = f", by the data sheet {figures['sheet_rate'] / 1e12:.0f}" if figures["sheet_rate"] else ""
    return (
        f"{figures['machine']}, {figures['gib']} GiB; a product of matrices {figures['rate'] / 1e12:.3g} TFLOP/s{sheet}"
    )


def against_trl(
    bench: Bench, part: int, name: str, size: int, steps: Sequence[str], seconds: tuple[float, float]
) -> None:
    """Time the kit and then TRL on a model, and take the ratio; TRL alone makes smaller steps, and a few."""
    kit = bench.ledger.attempt(
        part, f"{name}: kit, {size} at a time", partial(bench.run, name, KIT, steps), told, seconds[0]
    )
    step = max(size, bench.plan.batches[1])

    def theirs() -> Figures:
        found = bench.run(name, TRL, sized(size, step, bench.plan.theirs), THEIRS)
        return found | ({"ratio": round(kit["tokens_per_s"] / found["tokens_per_s"], 2)} if kit else {})

    bench.ledger.attempt(part, f"{name}: TRL, {size} at a time", theirs, told, seconds[1])


def by_turns(bench: Bench) -> None:
    """Part 2: the kit and TRL on the full-size model, by turns, at two batch sizes."""
    for size in bench.plan.batches:
        against_trl(bench, 2, bench.plan.full, size, bench.ours(size), (30, 25))


def against_estimate(bench: Bench) -> None:
    """Part 3: the peaks of the kit's runs in part 2 against what `check` expects."""
    runs = [each for each in bench.ledger.done(2) if each.get("who") == KIT]
    if not runs:
        bench.ledger.leave_out(3, "memory", "part 2 has no run of the kit")
    for run in runs:
        both = {key: run[key] for key in ("peak_gib", "estimate_gib")}
        bench.ledger.attempt(3, run["name"], partial(dict, both), compared)


def compared(figures: Figures) -> str:
    """Spell a peak beside its estimate."""
    ratio = figures["peak_gib"] / figures["estimate_gib"]
    verdict = "within" if abs(ratio - 1) <= WITHIN else "NOT within"
    return (
        f"{figures['peak_gib']:.2f} GiB of {figures['estimate_gib']:.2f} expected: {ratio:.2f}, {verdict} {WITHIN:.0%}"
    )


def levers(bench: Bench) -> None:
    """Part 4: what pays, on top of the kit's larger batch of part 2."""
    size, name = bench.plan.batches[1], bench.plan.full

    def lever(said: str, seconds: float, words: Callable[[], Sequence[str]]) -> None:
        bench.ledger.attempt(4, said, lambda: bench.run(name, KIT, words()), told, seconds)

    lever("LoRA's inputs left in bf16", 25, lambda: [*bench.ours(size), *UNCAST])
    lever("that, and layers compiled", 80, lambda: [*bench.ours(size), *UNCAST, *COMPILED])
    lever("the batch that fills the card", 25, lambda: bench.ours(bench.filling()))
    lever("that, uncast and compiled", 50, lambda: [*bench.ours(bench.filling()), *UNCAST, *COMPILED])
    lever("copies that do not block", 25, lambda: [*bench.ours(size), *NON_BLOCKING])
    lever("no feature cache", 25, lambda: [*bench.ours(size, steps=4), *NO_CACHE])
    tower = [*NO_CACHE, "--model_init_kwargs", json.dumps({"attn_implementation": {TOWER: bench.plan.tower_attention}})]
    said = f"that, and {bench.plan.tower_attention} for the vision tower alone"
    if find_spec(bench.plan.tower_needs):
        lever(said, 25, lambda: [*bench.ours(size, steps=4), *tower])
    else:
        bench.ledger.leave_out(4, said, f"{bench.plan.tower_needs} is not installed")
    for at_a_time in bench.plan.answering:
        bench.ledger.attempt(4, f"answering, {at_a_time} at a time", partial(answers, bench, at_a_time), answered, 25)
    lever("layers compiled alone", 80, lambda: [*bench.ours(size), *COMPILED])


def answers(bench: Bench, at_a_time: int) -> Figures:
    """Time answers to the questions of the full-size model's data, its images' features from the cache of part 2.

    The model is random, so every answer is as long as it may be.
    """
    subject, _ = bench.made(bench.plan.full)
    recipe = subject.recipe()
    with random_weights(bench.device):
        model, encoder = load_for_evaluation(base_of(recipe), recipe)
    rows = open_dataset(subject.data)
    encoder = cached(encoder, model, rows, subject.data, recipe.kit.feature_cache_gb, measure(encoder, rows))
    free_gpu()
    began = time.perf_counter()
    given = list(answer(model, encoder, rows, Generation(at_a_time, recipe.kit.max_new_tokens)))
    seconds = time.perf_counter() - began
    return {"batch": at_a_time, "answers": len(given), "answers_per_s": round(len(given) / seconds, 1)}


def answered(figures: Figures) -> str:
    """Spell how fast questions are answered."""
    return f"{figures['answers_per_s']:,} answers/s over {figures['answers']} questions"


def four_bit(bench: Bench) -> None:
    """Part 5: 4 bits, where bitsandbytes is installed; the weights have to be on disk for it."""
    name = bench.plan.full
    if not find_spec("bitsandbytes"):
        bench.ledger.leave_out(5, f"{name} in 4 bits", "bitsandbytes is not installed")
        return
    words = ["--load_in_4bit", "true", *bench.ours(bench.plan.batches[0])]

    def quantized() -> Figures:
        return bench.run(name, KIT, ["--model_name_or_path", str(bench.on_disk()), *words], on_disk=True)

    bench.ledger.attempt(5, f"{name} in 4 bits", quantized, told, 70)


def larger(bench: Bench) -> None:
    """Part 6: the other families at full size, as in part 2, in smaller steps."""
    plan = bench.plan
    for name in plan.larger:
        make = partial(bench.prepare, name, plan.num_larger, plan.larger_words)
        if bench.ledger.attempt(6, f"{name}: made ready", make, ready, 0 if plan.dry else 50):
            size = min(plan.batches[1], bench.subjects[name].recipe().sft.per_device_train_batch_size)
            against_trl(bench, 6, name, size, sized(size, plan.batches[1], plan.steps), (40, 40))


def ready(figures: Figures) -> str:
    """Spell what was made ready."""
    return f"samples of {figures['tokens']} tokens"


def stages(bench: Bench) -> None:
    """Part 7: the wall clock of a whole run at full size, by its stages."""

    def whole_run() -> dict[str, Any]:
        words = [*bench.plan.stage_words, "--model_name_or_path", str(bench.on_disk())]
        return whole.run_here(resolve(bench.plan.full, words).recipe, bench.work / "stages")

    bench.ledger.attempt(7, f"{bench.plan.full}: a whole run", whole_run, whole.told, 110)


TIMED: dict[int, Callable[[Bench], None]] = {
    2: by_turns, 3: against_estimate, 4: levers, 5: four_bit, 6: larger, 7: stages,
}  # fmt: skip
