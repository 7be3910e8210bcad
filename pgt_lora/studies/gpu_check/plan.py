"""How large everything is: on a GPU, and in the dry run that tries every part on a CPU."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The models, the sizes and the steps; what is named `…_words` are overrides of a recipe's fields."""

    dry: bool
    small: Sequence[str]  # the recipes that go through the whole of `pgt-lora run`
    small_words: Sequence[str]
    full: str  # the recipe whose speed and memory are measured
    larger: Sequence[str]  # those that are measured after it
    larger_words: Sequence[str]
    num_larger: int  # their samples
    words: Sequence[str]  # for whatever is timed
    num_samples: int
    global_batch: int
    batches: tuple[int, int]  # samples at a time: the recipe's, and what fills the GPU with work
    steps: int
    theirs: int  # TRL's steps, and the samples of each are those of the larger batch
    card_gib: float  # of a machine without a GPU
    stage_words: Sequence[str]  # for the run that is timed by stages
    tower_attention: str  # of the vision tower alone, and the package that it needs
    tower_needs: str
    answering: tuple[int, int]  # questions at a time: the recipe's, and what fills the GPU with work


SMALL = ("--bf16", "true", "--dtype", "bfloat16", "--skills", "false", "--num_train_epochs", "1")
ON_CPU = ("--use_cpu", "true")

GPU = Plan(
    dry=False,
    small=("tiny-qwen2.5-vl", "tiny-internvl3", "tiny-llava-next"),
    small_words=(
        *SMALL, "--use_cpu", "false", "--dataloader_num_workers", "2", "--num_samples", "640",
        "--num_test_samples", "64",
    ),
    full="qwen2.5-vl-3b",
    larger=("internvl3-8b", "llava-next-vicuna-7b"),
    larger_words=("--gradient_checkpointing", "false"),
    num_larger=112,
    words=(),
    num_samples=448,
    global_batch=64,
    batches=(4, 16),
    steps=7,
    theirs=4,
    card_gib=0,
    stage_words=("--num_samples", "256", "--num_test_samples", "64", "--num_train_epochs", "1"),
    tower_attention="flash_attention_2",
    tower_needs="flash_attn",
    answering=(16, 128),
)  # fmt: skip

DRY = Plan(
    dry=True,
    small=("tiny-internvl3",),
    small_words=(*SMALL, "--dataloader_num_workers", "1", "--num_samples", "32", "--num_test_samples", "16"),
    full="tiny-qwen2.5-vl",
    larger=("tiny-internvl3", "tiny-llava-next"),
    larger_words=(),
    num_larger=4,
    words=ON_CPU,
    num_samples=8,
    global_batch=4,
    batches=(1, 2),
    steps=2,
    theirs=2,
    card_gib=4,
    stage_words=(
        *ON_CPU, "--skills", "false", "--num_samples", "48", "--num_test_samples", "8", "--num_train_epochs", "1",
    ),
    tower_attention="eager",
    tower_needs="torch",
    answering=(2, 8),
)  # fmt: skip
