"""The directory of a run."""

from pathlib import Path

import torch

from pgt_lora.training.run_directory import newest_checkpoint


def test_a_half_written_checkpoint_is_skipped(tmp_path: Path) -> None:
    for step, text in ((2, "{}"), (4, "{}"), (10, '{"half'), (12, None)):
        directory = tmp_path / f"checkpoint-{step}"
        directory.mkdir()
        for part in ("optimizer", "scheduler", "rng_state"):
            torch.save({}, directory / f"{part}.pt{'h' if part == 'rng_state' else ''}")
        if text is not None:
            (directory / "trainer_state.json").write_text(text)
    whole = (tmp_path / "checkpoint-4" / "optimizer.pt").read_bytes()
    (tmp_path / "checkpoint-4" / "optimizer.pt").write_bytes(whole[: len(whole) // 2])
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoint-2"
    assert newest_checkpoint(tmp_path / "nothing") is None
    (tmp_path / "checkpoint-2" / "optimizer.pt").unlink()  # it would resume with a fresh one, to other weights
    assert newest_checkpoint(tmp_path) is None
