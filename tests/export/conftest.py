from collections.abc import Iterator
from pathlib import Path

import pytest

from pgt_lora.export.merge import merge
from pgt_lora.models.names import resolve
from pgt_lora.studies.before_after import run as run_module
from tests.support import scored
from tests.support.checkpoints import checkpoint
from tests.support.hub_server import Hub
from tests.support.made_once import made_once
from tests.support.runs import run_on
from tests.support.verification import verified_here


@pytest.fixture(scope="session")
def run(base_dir: Path, data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "runs", lambda root: run_on(base_dir, data_dir, root / "run")) / "run"


@pytest.fixture(scope="session")
def merged(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's adapter, merged and verified in a fresh process."""
    made_once(tmp_path_factory, "merged", lambda _: merge(checkpoint(run), run / "merged"))
    return run / "merged"


@pytest.fixture(scope="session")
def finished(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a few steps on the shipped model, which answers in words."""
    words = [
        "--per_device_train_batch_size", "8", "--global_batch_size", "8",
        "--num_test_samples", "10", "--skills", "false", "--max_steps", "2",
    ]  # fmt: skip

    def make(root: Path) -> None:
        with pytest.MonkeyPatch.context() as patch, verified_here():
            patch.setenv("PGT_LORA_HOME", str(root))
            run_module.run(resolve("tiny-qwen2.5-vl", words).recipe, data_dir, root / "run")

    return made_once(tmp_path_factory, "push", make) / "run"


@pytest.fixture(scope="session")
def scored_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is scored and merged, and answers otherwise than its base."""
    return made_once(tmp_path_factory, "scored", scored.scored_run) / "run"


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    yield server
    server.shutdown()
    server.server_close()
