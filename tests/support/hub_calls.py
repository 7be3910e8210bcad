"""The Hub's own, unmodified client against the server on loopback: in a fresh process, or in this one."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from pgt_lora.cli import app as cli
from tests.support.hub_server import Hub

TOKEN = "hf_not_to_be_seen"


def call(hub: Hub, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the unmodified client of the Hub, which finds the server instead."""
    env = os.environ | {
        "HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(home), "COLUMNS": "200", "NO_PROXY": "127.0.0.1",
    }  # fmt: skip
    return subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True, check=False)


def push(hub: Hub, finished: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    args = ["-m", "pgt_lora", "push", str(finished), "me/model", *words]
    return call(hub, home, *args)


@contextmanager
def within_reach(hub: Hub, home: Path) -> Iterator[pytest.MonkeyPatch]:
    """Set in this process what the client reads from the environment of a fresh one."""
    from huggingface_hub import constants
    from huggingface_hub.utils import close_session

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", hub.address)
        template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
        for name, value in {"HF_TOKEN": TOKEN, "COLUMNS": "200", "NO_PROXY": "127.0.0.1"}.items():
            patch.setenv(name, value)
        close_session()  # a session keeps the proxies of the time when it was opened
        yield patch
    close_session()


def call_here(hub: Hub, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process, and return what a fresh one would have given."""
    out, err = io.StringIO(), io.StringIO()
    with within_reach(hub, home) as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["pgt-lora", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return subprocess.CompletedProcess(words, int(ended.value.code or 0), out.getvalue(), err.getvalue())


def push_here(hub: Hub, finished: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return call_here(hub, home, "push", str(finished), "me/model", *words)
