"""A small Qwen3-VL for tests: the real classes, with its own vocabulary."""

from typing import TYPE_CHECKING, Any

from transformers import (
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from pgt_lora.tiny.qwen2_5_vl import SPECIAL_TOKENS, TURNS
from pgt_lora.tiny.tokenizer import corpus, train_bpe

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

PATCH_PX = 8  # 16 in the published model; two by two patches make one token


def build_processor() -> "ProcessorMixin":
    """Train the tokenizer and put the processor together."""
    vocab, merges = train_bpe([*corpus(), "user\nassistant"], SPECIAL_TOKENS)
    tokenizer = Qwen2Tokenizer(
        vocab, merges, eos_token="<|im_end|>", pad_token="<|endoftext|>", extra_special_tokens=list(SPECIAL_TOKENS[1:])
    )
    patches: dict[str, Any] = {"patch_size": PATCH_PX, "merge_size": 2}
    pixels = {"shortest_edge": 56 * 56, "longest_edge": 448 * 448}
    return Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(**patches, size=pixels),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(**patches),
        chat_template=TURNS,  # there is no default system turn
    )


def build_model(processor: "ProcessorMixin") -> "PreTrainedModel":
    """Make the model with random weights (about half a million, from torch's global generator)."""
    token_id = processor.tokenizer.convert_tokens_to_ids
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": len(processor.tokenizer),
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 32,
            "max_position_embeddings": 2048,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [6, 5, 5],
                "mrope_interleaved": True,
            },
            "pad_token_id": token_id("<|endoftext|>"),
        },
        vision_config={
            "depth": 2,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_heads": 4,
            "out_hidden_size": 128,
            "patch_size": PATCH_PX,
            "num_position_embeddings": 196,
            "deepstack_visual_indexes": [0],
        },
        tie_word_embeddings=True,
        image_token_id=token_id("<|image_pad|>"),
        video_token_id=token_id("<|video_pad|>"),
        vision_start_token_id=token_id("<|vision_start|>"),
        vision_end_token_id=token_id("<|vision_end|>"),
    )
    return Qwen3VLForConditionalGeneration(config)
