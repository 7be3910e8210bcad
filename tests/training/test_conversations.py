"""Conversations, fine-tuned and checked: turns, images and rows of text alone in one dataset."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from datasets import load_dataset

from pgt_lora.core.recipe import Recipe
from pgt_lora.data.directory import open_dataset
from pgt_lora.models.checkpoint import load_model, load_processor
from pgt_lora.models.encoding import IGNORE
from pgt_lora.models.lengths import measure
from pgt_lora.training.dry_run.check import check
from pgt_lora.training.finetune import finetune
from pgt_lora.training.measured import open_encoder
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


@pytest.mark.slow
def test_plain_trl_has_the_same_loss(base_dir: Path, recipe: Recipe, tmp_path: Path) -> None:
    """An unmodified `SFTTrainer` on one batch of the directory, but for the newline that it supervises behind ends."""
    import trl

    talks = write_conversations(tmp_path / "talks", unequal(8))
    args = trl.SFTConfig(
        str(tmp_path / "out"), per_device_train_batch_size=8, max_length=None, use_cpu=True, bf16=False,
        report_to="none", gradient_checkpointing=False, assistant_only_loss=True,
    )  # fmt: skip
    processor = load_processor(str(base_dir))
    template = Path(trl.__file__).parent / "chat_templates" / "qwen2_5_vl.jinja"
    processor.chat_template = template.read_text(encoding="utf-8")
    theirs = trl.SFTTrainer(
        load_model(str(base_dir)), args=args, processing_class=processor,
        train_dataset=load_dataset(str(talks), split="train", cache_dir=str(tmp_path / "cache")),
    )  # fmt: skip
    batch = next(iter(theirs.get_train_dataloader()))
    encoder = replace(open_encoder(recipe), processor=processor)
    ends = batch["input_ids"] == encoder.end_id
    batch["labels"][:, 1:][ends[:, :-1]] = IGNORE
    rows = {row["messages"][-2]["content"][-1]["text"]: row for row in open_dataset(talks)}
    asked = [processor.tokenizer.decode(ids) for ids in batch["input_ids"]]
    ours = encoder.training_batch([next(row for text, row in rows.items() if text in each) for each in asked])
    assert (ours["labels"] != IGNORE).sum() == (batch["labels"] != IGNORE).sum()
    model = load_model(str(base_dir))
    model.train()
    with torch.no_grad():
        torch.testing.assert_close(model(**ours).loss, theirs.compute_loss(theirs.model, batch), rtol=1e-5, atol=1e-6)
