"""Qwen3-VL: ChatML without a system turn, one token per 32 by 32 pixels."""

from pgt_lora.models.families.family import Family, WholeView

FAMILY = Family(
    name="qwen3_vl",
    model_type="qwen3_vl",
    features_suffice=False,  # early layers of the language model also take what early layers of the tower made
    lmms_eval="qwen3_vl",
    projector="model.visual.merger",
    whole_view=WholeView.ALL,
)
