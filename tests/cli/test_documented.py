"""Every command of the README and the pages is one that the command line, or make, takes as it stands.

Nothing is run. The parser alone tells whether a command exists, knows its options and has the arguments that it needs.
Make expands its own commands, and what it would call is parsed like the others.
"""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from pgt_lora.cli.app import WITH_OVERRIDES, app
from pgt_lora.core.recipe import KitConfig
from pgt_lora.core.recipe_values import parse_overrides
from tests.support.documented import SCRIPT, mentioned, shown

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"\$\(([A-Z_]+)\)", MAKEFILE))
GROUP = get_command(app)


@pytest.fixture(scope="module")
def fields() -> set[str]:
    """Return every field that a recipe may have."""
    from dataclasses import fields

    from trl import ModelConfig, SFTConfig

    return {field.name for kind in (SFTConfig, ModelConfig, KitConfig) for field in fields(kind)}


def test_every_field_of_the_kit_is_documented() -> None:
    from dataclasses import fields

    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    table = page.partition("## Fields of the kit")[2].partition("\n## ")[0]
    assert [field.name for field in fields(KitConfig) if f"`{field.name}`" not in table] == []


def refusal(words: list[str], known_fields: set[str]) -> str | None:
    """Return why the command line would not take the words behind `pgt-lora`, or None."""
    name, *rest = words
    if words in (["--version"], ["--help"]):
        return None
    command = GROUP.get_command(None, name)  # type: ignore[attr-defined, arg-type]
    if command is None:
        return f"no command {name!r}"
    try:
        context = command.make_context(name, rest)
    except Exception as error:  # click's own, of which typer may bring a copy
        return f"{type(error).__name__}: {error}"
    if not WITH_OVERRIDES.items() <= command.context_settings.items():
        return None
    unknown = sorted(parse_overrides(context.args).keys() - known_fields)
    return f"no field of a recipe: {unknown}" if unknown else None


def expanded(words: list[str]) -> list[list[str]]:
    """Return the commands of the kit that make would run for the words behind `make`."""
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "0,1,2,3,4,5,6,7"}
    ended = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "--assume-old", ".venv/bin/.installed", *words],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [shlex.split(line) for line in ended.stdout.replace("\\\n", " ").splitlines()]
    direct = [line[1:] for line in lines if line and line[0] == ".venv/bin/pgt-lora"]
    launched = [line[line.index("pgt_lora") + 1 :] for line in lines if "pgt_lora" in line]
    return direct + launched


def test_commands_of_the_kit_are_known(fields: set[str]) -> None:
    commands = shown(SCRIPT)
    assert len(commands) > 40
    refused = {str(each): refusal(shlex.split(each.line, comments=True)[1:], fields) for each in commands}
    assert {each: why for each, why in refused.items() if why} == {}


def test_targets_and_variables_of_make_are_known(fields: set[str]) -> None:
    commands = shown("make")
    assert len(commands) > 30
    refused = {}
    for each in commands:
        words = shlex.split(each.line, comments=True)[1:]
        named = {word.partition("=")[0] for word in words if "=" in word}
        targets = {word for word in words if "=" not in word}
        if wrong := sorted((named - VARIABLES) | (targets - TARGETS)):
            refused[str(each)] = f"the Makefile has no {wrong}"
            continue
        reasons = [refusal(inner, fields) for inner in expanded(words)]
        if any(reasons):
            refused[str(each)] = str([reason for reason in reasons if reason])
    assert refused == {}


def test_commands_within_sentences_are_known(fields: set[str]) -> None:
    """A sentence names a command without the arguments that it needs, so names and options alone are looked at."""
    mentions = mentioned("pgt-lora")
    assert len(mentions) > 40
    wrong = []
    for each in mentions:
        name, *rest = each.line.split()[1:]
        if name.startswith("-") or name.isupper():
            continue
        command = GROUP.get_command(None, name)  # type: ignore[attr-defined, arg-type]
        options = {option for parameter in command.params for option in parameter.opts} if command else set()
        if command and WITH_OVERRIDES.items() <= command.context_settings.items():
            options |= {f"--{field}" for field in fields}
        named = {word.partition("=")[0] for word in rest if word.startswith("--")}
        if not command or named - options:
            wrong.append(str(each))
    assert wrong == []


def test_targets_of_make_within_sentences_are_known() -> None:
    mentions = mentioned("make")
    assert len(mentions) > 20
    wrong = []
    for each in mentions:
        words = [word for word in each.line.split()[1:] if re.match(r"[a-z-]+$|[A-Z_]+=", word)]
        unknown = [word for word in words[:1] if "=" not in word and word not in TARGETS]
        unknown += [word for word in words if "=" in word and word.partition("=")[0] not in VARIABLES]
        if unknown:
            wrong.append(f"{each}: {unknown}")
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        "teach tiny-qwen2.5-vl",
        "generate --canvass 112 --out data/a",
        "generate --num-samples many --out data/a",
        "finetune tiny-qwen2.5-vl --data data/a --out runs/a --learning_speed 1e-3",
        "merge",
    ],
)
def test_a_command_that_is_none_is_told(line: str, fields: set[str]) -> None:
    assert refusal(shlex.split(line), fields)


def test_make_is_expanded_to_what_it_calls() -> None:
    words = ["finetune", "MODEL=qwen2.5-vl-3b", "DATA=d", "EVAL=a b", "ARGS=--lora_r 16"]
    wanted = "run qwen2.5-vl-3b --data d --eval-data a --eval-data b --lora_r 16"
    assert expanded(words) == [wanted.split()]
    (launched,) = expanded(["finetune", "NODES=2", "NODE=0", "MASTER=a", "MODEL=m", "DATA=d", "OUT=o"])
    assert launched[:2] == ["finetune", "m"]
