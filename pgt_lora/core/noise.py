"""Messages that a user would see and can do nothing about: they are between the libraries."""

import logging
import warnings


def silence() -> None:
    """Hide these messages, and no others."""
    # TRL uses names that Transformers has renamed.
    for name in ("gradient_checkpointing", "gradient_checkpointing_kwargs", "is_gradient_checkpointing"):
        warnings.filterwarnings("ignore", message=f"`{name}` is deprecated", category=FutureWarning)
    # PEFT imports bitsandbytes, which without a GPU asks for a package that only 4-bit inference would use.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    # Checkpoints that were written within a second are sorted by their steps instead of their times.
    logging.getLogger("transformers.trainer_utils").addFilter(lambda record: "mtime" not in str(record.msg))
