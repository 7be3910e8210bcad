"""Qwen3-VL: ChatML without a system turn, one token per 32 by 32 pixels."""

from pgt_lora.models.families.adapter import Adapter

ADAPTER = Adapter(
    name="qwen3_vl",
    model_type="qwen3_vl",
    lmms_eval="qwen3_vl",
    # The vision tower's attention is one fused `qkv`; the anchored path keeps it out in any case.
    lora_targets=r"model\.language_model\.layers\.\d+\.self_attn\.[qkv]_proj",
    end_token=lambda processor: "<|im_end|>",
    answer_prefix=lambda processor: "",
    features_suffice=False,  # early layers of the language model also take what early layers of the tower made
)
