"""Python with the Hub's own client, in a fresh process, against the server on loopback."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.hub_server import Hub

TOKEN = "hf_not_to_be_seen"


def call(hub: Hub, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the unmodified client of the Hub, which finds the server instead."""
    env = os.environ | {
        "HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(home), "COLUMNS": "200",
    }  # fmt: skip
    return subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True, check=False)


def push(hub: Hub, finished: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    args = ["-m", "pgt_lora", "push", str(finished), "me/model", *words]
    return call(hub, home, *args)
