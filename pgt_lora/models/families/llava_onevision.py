"""LLaVA-OneVision in its native form (`-hf` checkpoints): a view of the whole and a grid of tiles, in ChatML."""

from pgt_lora.models.families.family import Family, WholeView

FAMILY = Family(
    name="llava_onevision",
    model_type="llava_onevision",
    # The template renders a space more before an answer than its own generation prompt has; LLaVA's training had none.
    answer_prefix="",
    lmms_eval="llava_hf",
    whole_view=WholeView.FIRST,
)
