"""InternVL3 in its native form (`-hf` checkpoints): ChatML without a system turn, 256 tokens per tile of 448 pixels."""

from pgt_lora.models.families.adapter import Adapter

ADAPTER = Adapter(
    name="internvl3",
    model_type="internvl",
    lmms_eval="internvl_hf",
    # The vision tower has q_proj, k_proj and v_proj too, so the path is what tells them apart.
    lora_targets=r"model\.language_model\.layers\.\d+\.self_attn\.[qkv]_proj",
    end_token=lambda processor: "<|im_end|>",
    answer_prefix=lambda processor: "",
)
