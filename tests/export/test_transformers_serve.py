"""`transformers serve` serves the measured model: the merged checkpoint, on loopback. Needs `transformers[serving]`."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from transformers.utils.import_utils import is_serve_available

from pgt_lora.studies.by_name import serve_check
from tests.support.scored import BASE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_serve_available(), reason="fastapi, uvicorn or openai is not installed"),
]

# A torchvision whose compiled part does not fit its torch decodes no images; Pillow then does.
SERVE = """
import io
import pgt_lora.models
import numpy, torch, torchvision.io
from PIL import Image
from torchvision.io import image

def decode(file, mode=None, **words):
    pixels = numpy.array(Image.open(io.BytesIO(bytes(file.numpy()))).convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()

try:
    image._assert_has_image_ops()
except RuntimeError:
    torchvision.io.decode_image = image.decode_image = decode
from transformers.cli.transformers import main
main()
"""


@contextmanager
def transformers_serve(directory: Path) -> Iterator[str]:
    """The address of `transformers serve DIRECTORY`, which is stopped at the end."""
    words = [sys.executable, "-u", "-c", SERVE, "serve", str(directory), "--host", "127.0.0.1", "--port", "0"]
    started = subprocess.Popen([*words, "--device", "cpu"], stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    assert started.stderr
    try:
        said = ""
        for line in started.stderr:
            said += line
            if running := re.search(r"running on (http://127\.0\.0\.1:\d+)", line):
                yield running[1]
                break
        else:
            pytest.fail(said)
    finally:
        started.terminate()
        started.communicate()


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.utils import close_session

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    close_session()


@pytest.mark.usefixtures("loopback")
def test_the_merged_model_passes_and_the_base_fails(scored_run: Path) -> None:
    with transformers_serve(scored_run / "merged") as address:
        assert serve_check(scored_run, address, name=str(scored_run / "merged"))
    with transformers_serve(BASE) as address:
        assert not serve_check(scored_run, address, name=str(BASE))
