"""Training on a plan: the losses of the rendered directory, to the bit with the kit, and those of plain TRL."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import load_dataset

from pgt_lora.core.recipe import Recipe
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.overlay.build import overlay_data
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.models.checkpoint import load_model, load_processor
from pgt_lora.models.encoding import IGNORE
from pgt_lora.training.finetune import finetune
from pgt_lora.training.measured import open_encoder
from tests.data.overlay.test_build import talks
from tests.support.conversations import write_conversations
from tests.support.runs import equal

BATCH = 4


@pytest.fixture(scope="module")
def overlays(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same overlay as a plan and with pixels."""
    base = tmp_path_factory.mktemp("overlays")
    source = write_conversations(base / "talks", talks()[:13])
    for name in ("plan", "pixels"):
        overlay_data(str(source), base / name, OverlaySettings(0.7), render=name == "pixels", num_shards=3)
    return {name: base / name for name in ("plan", "pixels")}


@pytest.mark.slow
def test_the_kit_has_the_same_losses_on_a_plan_and_on_its_pixels(
    recipe: Recipe, overlays: dict[str, Path], tmp_path: Path
) -> None:
    recipe = recipe.changed(logging_steps=1)
    runs = {name: finetune(recipe, data, tmp_path / name) for name, data in overlays.items()}
    losses = [json.loads((run / "loss.json").read_text(encoding="utf-8")) for run in runs.values()]
    assert losses[0] == losses[1] and losses[0]
    assert equal(tmp_path / "plan", tmp_path / "pixels")


def plain_trainer(base_dir: Path, data: Path, out: Path, answers_alone: bool = True) -> Any:
    """Return an unmodified `SFTTrainer` over a directory as `load_dataset` opens it."""
    import trl

    args = trl.SFTConfig(
        str(out / "out"), per_device_train_batch_size=BATCH, max_length=None, use_cpu=True, bf16=False, max_steps=2,
        report_to="none", gradient_checkpointing=False, assistant_only_loss=answers_alone, save_strategy="no",
    )  # fmt: skip
    processor = load_processor(str(base_dir))
    template = Path(trl.__file__).parent / "chat_templates" / "qwen2_5_vl.jinja"
    processor.chat_template = template.read_text(encoding="utf-8")
    rows = load_dataset(str(data), split="train", cache_dir=str(out / "cache"))
    return trl.SFTTrainer(load_model(str(base_dir)), args=args, processing_class=processor, train_dataset=rows)


@pytest.mark.slow
def test_plain_trl_trains_on_the_pixels_and_the_kit_on_the_plan_has_its_losses(
    base_dir: Path, recipe: Recipe, overlays: dict[str, Path], tmp_path: Path
) -> None:
    """On every batch of TRL's, but for the newline that it supervises behind ends."""
    theirs = plain_trainer(base_dir, overlays["pixels"], tmp_path)
    processor, model = theirs.processing_class, load_model(str(base_dir))
    encoder = replace(open_encoder(recipe), processor=processor)
    rows = list(open_dataset(overlays["plan"]))
    known = {ids_of(encoder, [row]): row for row in rows}
    assert len(known) == len(rows)
    model.train()
    num_rows = 0
    for batch in theirs.get_train_dataloader():
        texts = [tuple(ids.tolist()) for ids in batch["input_ids"]]
        # A row with its turn more begins with the row without.
        found = [known[max((ids for ids in known if text[: len(ids)] == ids), key=len)] for text in texts]
        ours = encoder.training_batch(found)
        ends = batch["input_ids"] == encoder.end_id
        batch["labels"][:, 1:][ends[:, :-1]] = IGNORE
        assert (ours["labels"] != IGNORE).sum() == (batch["labels"] != IGNORE).sum() > 0
        with torch.no_grad():
            loss = theirs.compute_loss(theirs.model, batch)
            torch.testing.assert_close(model(**ours).loss, loss, rtol=1e-5, atol=1e-6)
        num_rows += len(found)
    assert num_rows == len(rows)
    assert theirs.train().global_step == 2


def ids_of(encoder: Any, rows: list[Any]) -> tuple[int, ...]:
    batch = encoder.training_batch(rows)
    return tuple(batch["input_ids"][0].tolist())


@pytest.mark.slow
def test_plain_trl_refuses_a_plan(base_dir: Path, overlays: dict[str, Path], tmp_path: Path) -> None:
    """With the loss of answers alone and of everything."""
    for answers_alone, error, says in ((True, ValueError, "not conversational"), (False, KeyError, "text")):
        with pytest.raises(error, match=says):
            plain_trainer(base_dir, overlays["plan"], tmp_path, answers_alone)
