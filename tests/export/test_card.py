"""The card of a model."""

import json
import re
import shutil
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from pgt_lora.core.errors import InputError
from pgt_lora.core.workspace import SHIPPED
from pgt_lora.evaluation.score_files import read_scores
from pgt_lora.export.card import HubLicense, base_license, write_card


def test_the_card_names_the_data_with_their_licenses_and_the_commit_of_the_base(finished: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(finished, copy)
    terms = {"annotations": "CC BY 4.0", "images": "COCO", "redistributable": False}
    sources = {
        "vsr": {"homepage": "example.org/vsr", "origin": "cambridgeltl/vsr_random", "license": terms, "drawn": 12},
        "tallyqa": {"homepage": "example.org/tallyqa", "origin": "https://example.org/a.zip", "licence": terms},
    }  # the second as earlier versions wrote it
    for name, change in (("run.json", {"data": {"sources": sources}}), ("adapter_config.json", {"revision": "c0ffee"})):
        path = copy / "adapter" / name
        told = json.loads(path.read_text())
        for key, value in change.items():
            told[key] = told[key] | value if isinstance(value, dict) else value
        path.write_text(json.dumps(told))
    card = ModelCard(write_card(copy, "owner/base", HubLicense("other", "qwen-research"), "me/model", True))
    assert card.data.datasets == ["cambridgeltl/vsr_random"]
    assert (card.data.base_model, card.data.base_model_relation) == ("owner/base", "finetune")
    assert (card.data.license, card.data.license_name) == ("other", "qwen-research")
    assert "| example.org/vsr | 12 | CC BY 4.0 | COCO |" in card.text
    assert re.search(r"^\| example.org/tallyqa \| [\d,]+ \| CC BY 4.0 \| COCO \|$", card.text, re.MULTILINE)
    assert "| task | samples | chance | base | unread | fine-tuned | unread |" in card.text
    for name, score in read_scores(copy / "base" / "pgt").items():
        (line,) = (line for line in card.text.splitlines() if line.startswith(f"| {name} | {score.num_samples} |"))
        assert line.split(" | ")[3:5] == [f"{100 * score.accuracy:.1f}", f"{100 * score.unread:.1f}"]
    assert "commit `c0ffee`" in card.text
    assert "samples of vsr, tallyqa" in card.text
    assert "not all that it was trained on is of that kind" in card.text
    assert "of the kind that it was trained on" in write_card(finished, "owner/base", HubLicense("mit"), "me/m", True)


def test_a_run_that_is_not_finished_is_told_how(finished: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(finished, tmp_path / "run"))
    (copy / "merged" / "verification.json").unlink()
    with pytest.raises(InputError, match=f"finish it with: pgt-lora run {copy}$"):
        write_card(copy, "owner/base", HubLicense("mit"), "me/model", True)


def test_a_license_is_inherited_or_asked_for(base_dir: Path) -> None:
    assert base_license(str(SHIPPED / "data" / "tiny-qwen2.5-vl"), None).identifier == "apache-2.0"
    with pytest.raises(InputError, match="pass --license"):
        base_license(str(base_dir), None)
