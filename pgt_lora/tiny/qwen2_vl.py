"""A small Qwen2-VL for tests: the real classes, with its own vocabulary."""

from typing import TYPE_CHECKING, Any

from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLProcessor

from pgt_lora.tiny import qwen2_5_vl

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin


def build_processor() -> "ProcessorMixin":
    """Put the processor together from the small Qwen2.5-VL's parts, which are the same in the published models too."""
    parts: Any = qwen2_5_vl.build_processor()
    return Qwen2VLProcessor(
        image_processor=parts.image_processor,
        tokenizer=parts.tokenizer,
        video_processor=parts.video_processor,
        chat_template=parts.chat_template,
    )


def build_model(processor: "ProcessorMixin") -> "PreTrainedModel":
    """Make the model with random weights (about 0.7 million, from torch's global generator)."""
    token_id = processor.tokenizer.convert_tokens_to_ids
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": len(processor.tokenizer),
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6]},
            "bos_token_id": None,
            "eos_token_id": token_id("<|im_end|>"),
            "pad_token_id": token_id("<|endoftext|>"),
        },
        # Here `hidden_size` is the language model's; `embed_dim` is the tower's own.
        vision_config={
            "depth": 2,
            "embed_dim": 64,
            "hidden_size": 128,
            "mlp_ratio": 2,
            "num_heads": 4,
            "patch_size": qwen2_5_vl.PATCH_PX,
        },
        tie_word_embeddings=True,
        image_token_id=token_id("<|image_pad|>"),
        video_token_id=token_id("<|video_pad|>"),
        vision_start_token_id=token_id("<|vision_start|>"),
        vision_end_token_id=token_id("<|vision_end|>"),
    )
    return Qwen2VLForConditionalGeneration(config)
