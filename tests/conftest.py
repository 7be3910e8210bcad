"""What many tests stand on: a random-weight model of the real class, and a small dataset directory."""

import gc
import os
import re

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported, and for the processes that tests start
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.loopback import Host, serve

ROOT = Path(__file__).resolve().parents[1]

# Checkpoints and language models that are tested as all others are, but in the slow tier.
SLOW_MODELS = re.compile(r"internvl3-qwen3|internvl3[._]5|qwen3-vl-(2|8|32)b", re.IGNORECASE)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the contract tests of some models into the slow tier, wherever they are drawn up from."""
    for item in items:
        if SLOW_MODELS.search(item.name):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Threads share out sums differently, and several workers share the cores."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def libraries_are_no_garbage() -> None:
    """What was imported is kept out of every later collection: the kit collects before it trains, verifies and merges.

    To look at all objects of the libraries anew takes as long as a small model's training.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The directory of real data, where there is one."""
    named = os.environ.get("PGT_LORA_REALDATA")
    directory = Path(named) if named else ROOT.parent / "shared" / "realdata"
    if not directory.is_dir():
        pytest.skip(f"no real data: {directory} does not exist; name its directory in PGT_LORA_REALDATA")
    return directory


@pytest.fixture(scope="session")
def checkpoint_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str | None], Path]:
    """Return the checkpoint directory of a family's small model in a chat format, written once; not to be changed."""
    from tests.support.discovered import save_small

    written: dict[tuple[str, str | None], Path] = {}

    def checkpoint(family: str, form: str | None = None) -> Path:
        if (family, form) not in written:
            written[family, form] = save_small(tmp_path_factory.mktemp(family), family, form)
        return written[family, form]

    return checkpoint


@pytest.fixture(scope="session")
def base_dir(checkpoint_of: Callable[..., Path]) -> Path:
    """A checkpoint directory of a small Qwen2.5-VL with random weights."""
    return checkpoint_of("qwen2_5_vl")


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset directory of 32 PGT samples, some of every task."""
    from pgt_lora.data.generate import generate
    from pgt_lora.data.scene import Canvas
    from pgt_lora.data.tasks.task import TaskSettings

    directory = tmp_path_factory.mktemp("data") / "pgt"
    generate(directory, num_samples=32, seed=1, settings=TaskSettings(Canvas(112, 112)))
    return directory


@pytest.fixture(scope="session")
def held_out_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation set of 400 items of two tasks."""
    from pgt_lora.data.generate import generate
    from pgt_lora.data.scene import Canvas
    from pgt_lora.data.tasks.task import TaskSettings

    directory = tmp_path_factory.mktemp("data") / "held-out"
    weights = {"coordinates": 0.5, "relation": 0.5}
    generate(directory, num_samples=400, seed=3, split="test", settings=TaskSettings(Canvas(112, 112)), weights=weights)
    return directory


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Annotations of the three sources, with images that are drawn."""
    from pgt_lora.tiny.standin import write_standin

    directory = tmp_path_factory.mktemp("standin") / "a"
    write_standin(directory, 60, seed=0)
    return directory


@pytest.fixture
def overrides(base_dir: Path) -> list[str]:
    """What makes the shipped CPU recipe a matter of seconds."""
    return [
        "--model_name_or_path", str(base_dir), "--per_device_train_batch_size", "4", "--global_batch_size", "8",
        "--num_test_samples", "10", "--num_samples", "32", "--skills", "false", "--save_steps", "2",
        "--per_device_eval_batch_size", "8",
    ]  # fmt: skip


@pytest.fixture
def data_overrides(overrides: list[str]) -> list[str]:
    """The same for a dataset that is named, which is used whole."""
    at = overrides.index("--num_samples")
    return overrides[:at] + overrides[at + 2 :]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """An HTTP host on loopback, within reach although the Hub is not."""
    from huggingface_hub.utils import close_session

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    close_session()  # a session keeps the proxies of the time when it was opened
    with serve() as opened:
        yield opened
    close_session()
