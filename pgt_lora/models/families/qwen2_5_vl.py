"""Qwen2.5-VL: ChatML with a default system turn, one token per 28 by 28 pixels."""

from pgt_lora.models.families.family import Family, WholeView

FAMILY = Family(
    name="qwen2_5_vl", model_type="qwen2_5_vl", lmms_eval="qwen2_5_vl", projector="model.visual.merger",
    whole_view=WholeView.ALL,
)  # fmt: skip
