"""Conversations, fine-tuned and checked: turns, images and rows of text alone in one dataset."""

import json
from pathlib import Path

from pgt_lora.core.recipe import Recipe
from pgt_lora.data.directory import open_dataset
from pgt_lora.models.lengths import measure
from pgt_lora.training.build import open_encoder
from pgt_lora.training.dry_run.check import check
from pgt_lora.training.finetune import finetune
from tests.support.conversations import unequal, write_conversations


def test_every_answer_of_a_conversation_is_trained_on(recipe: Recipe, tmp_path: Path) -> None:
    talks = write_conversations(tmp_path / "talks", unequal(16))
    lengths = measure(open_encoder(recipe), open_dataset(talks))
    findings = check(recipe, talks)
    assert findings.problems == []
    assert findings.batch.tokens == max(length.total for length in lengths)
    assert findings.batch.vision_positions > 0
    adapter = finetune(recipe, talks, tmp_path / "run")
    run = json.loads((adapter / "run.json").read_text(encoding="utf-8"))
    assert run["supervised_tokens"] == sum(length.supervised for length in lengths)
    assert run["data"]["rows"] == "conversations"
