"""A small Qwen2.5-VL: the real classes, with its own vocabulary."""

from typing import TYPE_CHECKING, Any

from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

from pgt_lora.tiny.tokenizer import corpus, train_bpe

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

# The same names as in the published vocabulary.
SPECIAL_TOKENS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip

# ChatML; an image comes between its two markers.
TURNS = """\
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.content is string %}
{{- message.content }}
{%- else %}
{%- for part in message.content %}
{{- '<|vision_start|><|image_pad|><|vision_end|>' if part.type == 'image' else part.text }}
{%- endfor %}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}"""

CHAT_TEMPLATE = (
    """\
{%- if messages[0].role != 'system' %}
{{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
{%- endif %}
"""
    + TURNS
)

PATCH_PX = 8  # 14 in the published model; two by two patches make one token


def build_processor() -> "ProcessorMixin":
    """Train the tokenizer and put the processor together."""
    vocab, merges = train_bpe(corpus(), SPECIAL_TOKENS)
    tokenizer = Qwen2Tokenizer(
        vocab, merges, eos_token="<|im_end|>", pad_token="<|endoftext|>", extra_special_tokens=list(SPECIAL_TOKENS[1:])
    )
    sizes: dict[str, Any] = {"patch_size": PATCH_PX, "merge_size": 2, "min_pixels": 56 * 56, "max_pixels": 448 * 448}
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**sizes),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(**sizes),
        chat_template=CHAT_TEMPLATE,
    )


def build_model(processor: "ProcessorMixin") -> "PreTrainedModel":
    """Make the model with random weights (about 1.6 million, from torch's global generator)."""
    token_id = processor.tokenizer.convert_tokens_to_ids
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(processor.tokenizer),
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 6,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": True,
            # Of the frequencies 1, 0.56, 0.32, 0.18, … the time gets one, the height two and the width the rest. In
            # the published shares (a quarter, three eighths, three eighths) the width's fastest would turn by a
            # fiftieth over an image this small, and no layer could tell left from right; with a smaller base, the
            # slow ones, by which a word finds what it names at any distance, would be lost.
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 2, 13]},
            "bos_token_id": None,
            "eos_token_id": token_id("<|im_end|>"),
            "pad_token_id": token_id("<|endoftext|>"),
        },
        vision_config={
            "depth": 4,
            "hidden_size": 96,
            "intermediate_size": 192,
            "num_heads": 4,
            "out_hidden_size": 128,
            "patch_size": PATCH_PX,
            "spatial_patch_size": PATCH_PX,
            "window_size": 112,
            "fullatt_block_indexes": [0, 1, 2, 3],
        },
        tie_word_embeddings=True,
        image_token_id=token_id("<|image_pad|>"),
        video_token_id=token_id("<|video_pad|>"),
        vision_start_token_id=token_id("<|vision_start|>"),
        vision_end_token_id=token_id("<|vision_end|>"),
    )
    return Qwen2_5_VLForConditionalGeneration(config)
