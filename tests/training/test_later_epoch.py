"""Several processes that stop and go on in another epoch than the first."""

import json
from pathlib import Path

import pytest

from pgt_lora.training.finetune import finetune
from tests.training.test_processes import assert_close, some_steps, start_two


@pytest.mark.slow
def test_two_processes_go_on_within_a_later_epoch(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    status, output, errors = start_two(tmp_path / "script.py", "SIGTERM", data_dir, tmp_path / "run", overrides, step=6)
    assert status != 0
    assert output.count("Stopped by SIGTERM after step 6 of 7") == 1, errors
    two = some_steps(overrides, 4, 7)
    two.sft._n_gpu = 2
    finetune(two, data_dir, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "adapter" / "run.json").read_text())["processes"] == 2
    finetune(some_steps(overrides, 4, 7), data_dir, tmp_path / "whole")
    assert_close(tmp_path / "run", tmp_path / "whole")
