"""A stranger's script in an environment that `make setup` made: the kit is installed and not imported."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from pgt_lora.core.torchvision_on_cpu import START_FILE, START_LINE

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = [path for path in sys.path if path.endswith("site-packages")]


class Environment:
    """An empty environment that borrows the packages of the one that runs the tests, and the kit from the checkout."""

    def __init__(self, directory: Path) -> None:
        venv.create(directory, with_pip=False)
        self.python = directory / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        self.packages = Path(self.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([self.python, "-P", *words], capture_output=True, text=True, check=True, env={})

    def install(self, *paths: str) -> None:
        # As an editable install does.
        (self.packages / "_pgt_lora.pth").write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    made = Environment(tmp_path_factory.mktemp("environment"))
    made.install(str(ROOT), *INSTALLED)
    made.run("-c", "from pgt_lora.core.torchvision_on_cpu import install_for_all; install_for_all()")
    return made


def test_it_is_one_line_that_python_runs(environment: Environment) -> None:
    assert (environment.packages / START_FILE).read_text(encoding="utf-8") == START_LINE
    assert START_LINE.startswith("import ")
    assert START_LINE.count("\n") == 1


@pytest.mark.parametrize(
    "first",
    ["", pytest.param("from transformers import AutoProcessor; ", marks=pytest.mark.slow)],
    ids=["alone", "after a processor"],
)
def test_torchvision_is_imported_without_the_kit(first: str, environment: Environment) -> None:
    """Alone, or as a stranger does who wants a processor, which takes longer."""
    code = f"{first}import torchvision, sys; print('pgt_lora.models' in sys.modules)"
    assert environment.run("-c", code).stdout.strip() == "False"


def test_python_starts_without_torch_and_in_silence(environment: Environment) -> None:
    done = environment.run("-X", "importtime", "-c", "pass")
    imported = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines()]
    assert "pgt_lora.core.torchvision_on_cpu" in imported
    assert not {name.partition(".")[0] for name in imported} & {"torch", "torchvision", "transformers", "numpy"}
    assert environment.run("-c", "pass").stderr == ""


def test_it_is_silent_where_the_kit_is_gone(tmp_path: Path) -> None:
    bare = Environment(tmp_path)
    (bare.packages / START_FILE).write_text(START_LINE, encoding="utf-8")
    done = bare.run("-c", "import sys; print([name for name in sys.modules if name.startswith('pgt_lora')])")
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
