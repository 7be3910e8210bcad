"""A small InternVL3, and one with InternVL3.5's language model: the real classes, with its own vocabulary."""

from typing import TYPE_CHECKING, Any

from transformers import (
    GotOcr2ImageProcessor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
    Qwen2Tokenizer,
)

from pgt_lora.tiny.tokenizer import corpus, train_bpe

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

# The same names as in the published vocabulary; the processor asks the tokenizer for those that mark images.
IMAGE_TOKENS = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *IMAGE_TOKENS.values())
# The language models that InternVL was published with, and what else their vocabularies have of special tokens:
# Qwen2's in InternVL3, Qwen3's in InternVL3.5. A vocabulary tells which it is.
FORMS: dict[str, tuple[str, ...]] = {"qwen2": (), "qwen3": ("<think>", "</think>")}

# ChatML without a default system turn; an image stands on a line of its own.
CHAT_TEMPLATE = """\
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.content is string %}
{{- message.content }}
{%- else %}
{%- for part in message.content %}
{{- '<IMG_CONTEXT>\\n' if part.type == 'image' else part.text }}
{%- endfor %}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}"""

TILE_PX = 112  # 448 in the published model
PATCH_PX = 8  # 14 in the published model; two by two patches make one token
TOKENS_PER_TILE = (TILE_PX // PATCH_PX // 2) ** 2  # 49; 256 in the published model


def build_processor(form: str = "qwen2") -> "ProcessorMixin":
    """Train the tokenizer and put the processor together; `form` is `qwen2` or `qwen3`."""
    vocab, merges = train_bpe([*corpus(), "user\nassistant"], (*SPECIAL_TOKENS, *FORMS[form]))
    tokenizer = Qwen2Tokenizer(
        vocab, merges, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        extra_special_tokens=["<|im_start|>", *FORMS[form]], **IMAGE_TOKENS,
    )  # fmt: skip
    pixels: dict[str, Any] = {
        "size": {"height": TILE_PX, "width": TILE_PX},
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    }
    return InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(**pixels),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(**pixels),
        image_seq_length=TOKENS_PER_TILE,
        chat_template=CHAT_TEMPLATE,
    )


def build_model(processor: "ProcessorMixin") -> "PreTrainedModel":
    """Make the model with random weights (about 1.5 million, from torch's global generator)."""
    token_id = processor.tokenizer.convert_tokens_to_ids
    is_qwen3 = set(FORMS["qwen3"]) <= processor.tokenizer.get_vocab().keys()
    config = InternVLConfig(
        text_config={
            "model_type": "qwen3" if is_qwen3 else "qwen2",
            **({"head_dim": 32} if is_qwen3 else {}),
            "vocab_size": len(processor.tokenizer),
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 6,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2048,
            # As in the 8B model; the small Qwen2.5-VL's are tied, so that both kinds are tested.
            "tie_word_embeddings": False,
            # A million in the published model: too slow for heads of 32 over sequences this short.
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
            "bos_token_id": None,
            "eos_token_id": token_id("<|im_end|>"),
            "pad_token_id": token_id("<|endoftext|>"),
        },
        vision_config={
            "hidden_size": 96,
            "intermediate_size": 192,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "attention_bias": True,
            "image_size": [TILE_PX, TILE_PX],
            "patch_size": [PATCH_PX, PATCH_PX],
        },
        tie_word_embeddings=False,
        image_token_id=token_id(IMAGE_TOKENS["context_image_token"]),
        image_seq_length=TOKENS_PER_TILE,
    )
    return InternVLForConditionalGeneration(config)
