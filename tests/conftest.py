"""What many tests stand on: a random-weight model of the real class, and a small dataset directory."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback import Host, serve

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"


@pytest.fixture(scope="session")
def base_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint directory of a small Qwen2.5-VL with random weights."""
    import torch

    from pgt_lora.tiny import qwen2_5_vl

    torch.set_num_threads(1)
    torch.manual_seed(0)
    directory = tmp_path_factory.mktemp("base")
    processor = qwen2_5_vl.build_processor()
    qwen2_5_vl.build_model(processor).save_pretrained(directory)
    processor.save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset directory of 32 PGT samples, some of every task."""
    from pgt_lora.data.generate import generate
    from pgt_lora.data.scene import Canvas
    from pgt_lora.data.tasks.task import Settings

    directory = tmp_path_factory.mktemp("data") / "pgt"
    generate(directory, num_samples=32, seed=1, settings=Settings(Canvas(112, 112)))
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
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """An HTTP host on loopback, within reach although the Hub is not."""
    from huggingface_hub.utils import close_session

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    close_session()  # a session keeps the proxies of the time when it was opened
    with serve() as opened:
        yield opened
    close_session()
