"""Qwen2.5-VL: ChatML with a default system turn, one token per 28 by 28 pixels."""

from pgt_lora.models.families.adapter import Adapter

ADAPTER = Adapter(
    name="qwen2_5_vl",
    model_type="qwen2_5_vl",
    lmms_eval="qwen2_5_vl",
    # The vision tower's attention is one fused `qkv`; the anchored path keeps it out in any case.
    lora_targets=r"model\.language_model\.layers\.\d+\.self_attn\.[qkv]_proj",
    end_token=lambda processor: "<|im_end|>",
    answer_prefix=lambda processor: "",
)
