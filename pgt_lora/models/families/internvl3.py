"""InternVL3 in its native form (`-hf` checkpoints): ChatML without a system turn, 256 tokens per tile of 448 pixels."""

from pgt_lora.models.families.family import Family, WholeView

FAMILY = Family(name="internvl3", model_type="internvl", lmms_eval="internvl_hf", whole_view=WholeView.LAST)
