"""The batch that fits a GPU, by the estimate."""

from dataclasses import dataclass, replace
from statistics import mean

from pgt_lora.core.batches import divisors
from pgt_lora.core.errors import InputError
from pgt_lora.core.terminal import console
from pgt_lora.training.dry_run.check import Findings
from pgt_lora.training.dry_run.memory import GIB, RESERVE, Memory, Setup, estimate
from pgt_lora.training.dry_run.pace import DEFAULT, cost

CHOSEN = ("per_device_train_batch_size", "gradient_checkpointing")  # the fields that `auto` stands for


@dataclass(frozen=True)
class Fit:
    """A way to train: samples at a time, gradient checkpointing, 4 bits; the memory it takes, and a token's cost."""

    size: int
    checkpointing: bool
    four_bit: bool
    memory: Memory
    cost: float

    def __str__(self) -> str:
        """Say what was chosen and what it takes."""
        way = "with" if self.checkpointing else "without"
        return f"{self.size} samples at a time, {way} gradient checkpointing: {self.memory.total / GIB:.1f} GiB"

    def words(self, asked: "Fit") -> list[str]:
        """Return what to add to a recipe that asks for something else."""
        words = []
        if self.size != asked.size:
            words += ["--per_device_train_batch_size", str(self.size)]
        if self.checkpointing != asked.checkpointing:
            words += ["--gradient_checkpointing", str(self.checkpointing).lower()]
        if self.four_bit != asked.four_bit:
            words += ["--load_in_4bit", str(self.four_bit).lower()]
        return words


def way(found: Findings, setup: Setup, size: int, card: str) -> Fit:
    """Return a way to train with its estimates on a card; the cost is that of samples of mean length."""
    memory = estimate(found.model, replace(found.batch, size=size), setup)
    tokens = size * mean(length.total for length in found.lengths)
    return Fit(size, setup.checkpointing, setup.four_bit, memory, cost(card, tokens, setup.checkpointing))


def as_asked(found: Findings, card: str = DEFAULT) -> Fit:
    """Return the recipe's own way to train."""
    return way(found, found.setup, found.batch.size, card)


def fit(
    found: Findings,
    card_gib: float,
    card: str = DEFAULT,
    num_processes: int = 1,
    is_sharded: bool = False,
    four_bit: bool | None = None,
) -> Fit | None:
    """Return the fastest way that fits a GPU of so many GiB; of ways alike in speed, that which takes the least memory.

    The batch divides the global batch among the processes. Gradient checkpointing is on where it lets so many more
    samples be taken at a time that a token costs less. Returns None where not one sample fits.
    """
    setup = replace(found.setup, num_shards=num_processes if is_sharded else 1)
    if four_bit is not None:
        setup = replace(setup, four_bit=four_bit)
    sizes = divisors(found.recipe.kit.global_batch_size // num_processes)
    ways = (way(found, replace(setup, checkpointing=each), size, card) for each in (False, True) for size in sizes)
    fitting = [each for each in ways if each.memory.fits(card_gib)]
    return min(fitting, key=lambda each: (round(each.cost, 6), each.memory.total), default=None)


def fitted(
    found: Findings, card_gib: float, card: str = DEFAULT, num_processes: int = 1, is_sharded: bool = False
) -> Findings:
    """Return findings with the batch and the gradient checkpointing that fit a GPU in the recipe's place of `auto`.

    Raises:
        InputError: not one sample fits.
    """
    recipe = found.recipe
    chosen = fit(found, card_gib, card, num_processes, is_sharded)
    if chosen is None:
        raise InputError(
            f"{recipe.name}: per_device_train_batch_size auto: not one sample fits a GPU of {card_gib:.0f} GiB by the "
            f"estimate; use --load_in_4bit true, several GPUs with LAUNCH=fsdp2, or smaller images (of "
            "PGT: --canvas)"
        )
    console.print(
        f"per_device_train_batch_size auto: {chosen} of {card_gib:.1f} by the estimate, {RESERVE:.0%} left free",
        soft_wrap=True,
    )
    return replace(
        found,
        recipe=recipe.changed(**dict(zip(CHOSEN, (chosen.size, chosen.checkpointing), strict=True))),
        batch=replace(found.batch, size=chosen.size),
        setup=replace(found.setup, checkpointing=chosen.checkpointing),
    )
