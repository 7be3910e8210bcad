"""LLaVA-NeXT: a view of the whole and a grid of tiles; its chat format is that of its language model."""

from pgt_lora.models.families.family import Family, WholeView

FAMILY = Family(name="llava_next", model_type="llava_next", lmms_eval="llava_hf", whole_view=WholeView.FIRST)
