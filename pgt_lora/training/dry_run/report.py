"""What a check found, on the terminal: facts, three tables, and the command to run or what to change."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from statistics import mean

from rich import box
from rich.table import Table
from rich.text import Text

from pgt_lora.core.batches import divisors, num_steps, step_shape
from pgt_lora.core.errors import InputError
from pgt_lora.core.terminal import bold, console
from pgt_lora.core.typed import typed
from pgt_lora.core.workspace import IS_CHECKOUT, SHIPPED
from pgt_lora.models.lengths import supervised_shares
from pgt_lora.training.dry_run.base import Origin
from pgt_lora.training.dry_run.cards import Card
from pgt_lora.training.dry_run.check import Findings
from pgt_lora.training.dry_run.duration import card_lines
from pgt_lora.training.dry_run.fitting import as_asked, fit
from pgt_lora.training.dry_run.memory import GIB, RESERVE, Setup, estimate, largest_batch, shards_needed

CARDS_GIB = {24: "4090", 80: "h100"}  # and the card that stands for them
GPU_COUNTS = (1, 2, 4, 8)
WORTH_IT = 0.9  # of a token's cost: what saves less is not told


def print_findings(found: Findings, name: str, overrides: Sequence[str], card: tuple[str, Card] | None = None) -> None:
    """Print all that a check found, with an estimate of the time on a card; the last line is a command."""
    console.print(facts(found))
    offline = ": images exact; text at one per byte, an upper bound (--offline has no tokenizer)"
    console.print(bold("\nTokens per sample"), end="")
    console.print(offline * bound(found))
    console.print(tokens_table(found))
    console.print(bold("Steps"), f"of {found.recipe.kit.global_batch_size} samples")
    console.print(steps_table(found))
    where = "" if found.recipe.sft.use_cpu else " per GPU"
    console.print(bold(f"Memory{where}"), f"in GiB, estimated for batches of {found.batch.size} of the longest samples")
    console.print(memory_table(found))
    lines = (
        []
        if found.recipe.sft.use_cpu
        else [f"{gib} GB card: {advice(found, gib, of)[0]}" for gib, of in CARDS_GIB.items()]
    )
    if card:
        lines += [*card_lines(found, *card), f"  {advice(found, card[1].memory_gib, card[0])[0]}"]
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    print_end(found, name, overrides, card)


def print_end(found: Findings, name: str, overrides: Sequence[str], card: tuple[str, Card] | None = None) -> None:
    """Print the command to run, or what to change and the command to check it with."""
    data = ["--data", found.given] if found.given else []
    if found.problems:
        console.print(bold("\nTo change first:", "bold red"))
        for problem in found.problems:
            console.print(Text(f"  {problem}"), soft_wrap=True)
        offline = ["--offline"] * bound(found)
        gpu = ["--gpu", card[0]] if card else []
        last = typed("check", name, *data, *offline, *gpu, *overrides)
    else:
        console.print(bold("\nRun it:"))
        last = command(found, name, overrides, card)
    console.print(Text(f"  {last}"), soft_wrap=True)


def command(found: Findings, name: str, overrides: Sequence[str], card: tuple[str, Card] | None = None) -> str:
    """Return the command that trains as was checked, with what has to be added for a card, one of 80 GB by default."""
    at = (card[1].memory_gib, card[0]) if card else (80, CARDS_GIB[80])
    added = [] if found.recipe.sft.use_cpu else advice(found, *at)[1]
    args = [*overrides, *(added or [])]
    if not (IS_CHECKOUT and Path.cwd() == SHIPPED):  # where `make` finds its targets
        launch = ["PGT_LORA_LAUNCH=fsdp2"] if added is None else []
        data = ["--data", found.given] if found.given else []
        return " ".join([*launch, typed("run", name, *data, *args)])
    words = ["make finetune", *(["LAUNCH=fsdp2"] if added is None else []), f"MODEL={shlex.quote(name)}"]
    words += [f"DATA={shlex.quote(found.given)}"] if found.given else []
    return " ".join([*words, *([f"ARGS={shlex.quote(shlex.join(args))}"] if args else [])])


def bound(found: Findings) -> bool:
    """Tell whether the tokens of the text are an upper bound only."""
    return found.base.origin is Origin.PUBLISHED


def facts(found: Findings) -> Table:
    """Lay out the model, where LoRA sits, the data and what it takes on the network and on disk."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in fact_lines(found):
        grid.add_row(label, Text(value))
    return grid


def fact_lines(found: Findings) -> Iterator[tuple[str, str]]:
    """Yield the labels and values of the facts."""
    recipe, placed, longest = found.recipe, found.placement, max(length.total for length in found.lengths)
    yield "Model", f"{recipe.model.model_name_or_path}, by {found.base.origin}"
    yield "LoRA", f"{placed.names} of {placed.num_layers} language-model layers, {placed.num_modules} modules:"
    yield "", found.base.encoder.family.targets(placed.modules)
    share = placed.num_trainable / placed.num_parameters
    yield "", f"{placed.num_trainable:,} of {placed.num_parameters:,} parameters are trained ({share:.2%})"
    if found.data:
        yield "Data", f"{found.data}: {found.num_rows:,} samples, all measured"
    else:
        measured = f"the first {len(found.lengths):,} were made and measured"
        yield "Data", f"{found.num_rows:,} PGT samples on a canvas of {recipe.kit.canvas} pixels; {measured}"
    shares = supervised_shares(found.lengths)
    yield "Answers", "of the supervised tokens: " + ", ".join(f"{task} {share:.0%}" for task, share in shares.items())
    over = sum(length.total > found.limit for length in found.lengths)
    fit = f"{over:,} samples do not fit" if over else "every sample fits"
    yield "Room", f"{found.limit:,} tokens; the longest sample takes {'at most ' * bound(found)}{longest:,}: {fit}"
    download, disk = storage_gb(found)
    yield "Download", f"{download:.1f} GB, once" if download else "nothing"
    yield "Disk", f"{disk:.1f} GB: base, merged model, adapter and training checkpoints"


def storage_gb(found: Findings) -> tuple[float, float]:
    """Return what is downloaded and what lies on disk in the end, in units of 10⁹ bytes."""
    weights = found.model.num_parameters * found.setup.dtype_bytes
    here = found.base.origin is Origin.LOCAL
    adapter = 4 * found.placement.num_trainable
    checkpoints = (found.recipe.sft.save_total_limit or 1) * 3 * adapter  # with AdamW's two moments
    return (0 if here else weights / 1e9), (2 * weights + adapter + checkpoints) / 1e9


def tokens_table(found: Findings) -> Table:
    """Lay out how many tokens a sample has, of each kind."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("", "least", "mean", "most", "in all samples"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for kind in ("image", "prompt", "supervised", "total"):
        values = [getattr(length, kind) for length in found.lengths]
        sign = "≤ " if bound(found) and kind != "image" else ""
        cells = (
            f"{min(values):,}",
            f"{mean(values):,.1f}",
            f"{max(values):,}",
            f"{mean(values) * found.num_rows:,.0f}",
        )
        table.add_row(kind, *(sign + cell for cell in cells), style="bold" if kind == "total" else None)
    return table


def steps_table(found: Findings) -> Table:
    """Lay out what the global batch comes to on several numbers of GPUs."""
    asked = found.recipe.sft.per_device_train_batch_size
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("GPUs", "× batch per GPU", "× accumulation", "= effective batch", "steps"):
        table.add_column(column, justify="right", no_wrap=True)
    for num_gpus in GPU_COUNTS:
        try:
            shape = step_shape(found.recipe, num_gpus)
        except InputError:
            table.add_row(str(num_gpus), "cannot be divided equally", "", "", "")
            continue
        batch = str(shape.batch_size) if shape.batch_size == asked else f"{shape.batch_size} (not {asked})"
        steps = f"{num_steps(found.recipe, found.num_rows):,}"
        table.add_row(str(num_gpus), batch, str(shape.accumulation), str(shape.num_samples), steps)
    return table


def memory_table(found: Findings) -> Table:
    """Lay out the estimated memory in every setup, and the largest batch that fits the usual cards."""
    cards = () if found.recipe.sft.use_cpu else tuple(CARDS_GIB)
    note = "▸ this recipe; formulae in training/dry_run/memory.py"
    if cards:
        note += f"\ncards: the largest batch that leaves {RESERVE:.0%} free; ÷ 4: four must share the weights"
    # Eleven columns within the 80 of a plain terminal.
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, caption=note, caption_justify="left")
    table.add_column("held in", no_wrap=True)
    table.add_column("check-\npoints", no_wrap=True)
    parts = ("weights", "LoRA,\nAdamW", "acti-\nvations", "vision\ntower", "logits", "CUDA", "all")
    for column in (*parts, *(f"{card} GB\ncard" for card in cards)):
        table.add_column(column, justify="right", no_wrap=True)
    for four_bit in (False, True):
        for checkpointing in (False, True):
            setup = replace(found.setup, four_bit=four_bit, checkpointing=checkpointing)
            memory = estimate(found.model, found.batch, setup)
            name = ("▸ " if setup == found.setup else "  ") + ("4 bits" if four_bit else str(found.recipe.model.dtype))
            cells = [f"{part / GIB:.1f}" for part in (*astuple(memory), memory.total)]
            cells += [largest_on(found, setup, card) for card in cards]
            style = "bold" if setup == found.setup else None
            table.add_row(name, "yes" if checkpointing else "no", *cells, style=style)
    return table


def largest_on(found: Findings, setup: Setup, card: int) -> str:
    """Return the largest batch that fits a card, or how many cards must share the weights."""
    size = largest_batch(found.model, found.batch, setup, card, divisors(found.recipe.kit.global_batch_size))
    num = None if size else shards_needed(found.model, found.batch, setup, card)
    return str(size) if size else f"÷ {num}" if num else "–"


def advice(found: Findings, card_gib: float, card: str) -> tuple[str, list[str] | None]:
    """Say whether the recipe fits a card, with the words to add where it does not; None where no words suffice."""
    asked, fastest = as_asked(found, card), fit(found, card_gib, card)
    if asked.memory.fits(card_gib):
        is_worth_it = fastest is not None and fastest.cost < WORTH_IT * asked.cost
        faster = f"; faster: {' '.join(fastest.words(asked))}" if fastest and is_worth_it else ""
        return f"fits as it is{faster}", []
    if enough := fastest or fit(found, card_gib, card, four_bit=True):
        words = enough.words(asked)
        return f"add {' '.join(words)}", words
    num = shards_needed(found.model, found.batch, found.setup, card_gib)
    return f"the weights must be shared over {num or 'more than 64'} of them: LAUNCH=fsdp2", None
