"""The README's own commands, letter by letter, on fewer samples."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from PIL import Image

from pgt_lora.cli.app import main

README = Path(__file__).resolve().parents[2] / "README.md"
QUICK = ["--max_steps", "2", "--save_steps", "100"]


@pytest.mark.slow
def test_the_steps_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(
        r"(?:^\.venv/bin/pgt-lora (?!check|ask).+\n)+", README.read_text(encoding="utf-8"), re.MULTILINE
    )
    commands = [shlex.split(line)[1:] for line in block.splitlines()]
    assert [words[0] for words in commands] == ["generate", "generate", "preview", "finetune", "evaluate", "merge"]
    (question,) = re.findall(r"^\.venv/bin/pgt-lora (ask .+)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    Image.new("RGB", (64, 48), "gray").save("photo.jpg")
    for words in [*commands, shlex.split(question)]:
        few = [{"5000": "32", "1000": "12", "runs/3b-pgt": "runs/mine"}.get(word, word) for word in words]
        monkeypatch.setattr(sys, "argv", ["pgt-lora", *few, *(QUICK if words[0] == "finetune" else [])])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, words
    assert (tmp_path / "data" / "pgt-mine.html").is_file()
    scores = json.loads((tmp_path / "runs" / "mine" / "scores" / "scores.json").read_text())
    assert sum(task["num_samples"] for task in scores["tasks"].values()) == 12
    assert json.loads((tmp_path / "runs" / "mine" / "merged" / "verification.json").read_text())["passed"] is True
