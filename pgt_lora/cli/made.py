"""What every command that makes a dataset ends with."""

from pathlib import Path

from pgt_lora.core.typed import typed


def tell_made(out: Path, num_samples: int) -> None:
    """Print how many samples a new dataset directory holds, and how to look at them."""
    from pgt_lora.core.terminal import console

    console.print(f"{num_samples:,} samples in {out}; look at them with: {typed('preview', out)}", soft_wrap=True)
