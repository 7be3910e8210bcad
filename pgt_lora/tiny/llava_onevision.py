"""A small LLaVA-OneVision for tests: the real classes, with its own vocabulary."""

from typing import TYPE_CHECKING, Any

from transformers import (
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
    Qwen2Tokenizer,
)

from pgt_lora.tiny.tokenizer import corpus, train_bpe

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>")

# ChatML with a space after the role, a newline before the text and none after a turn; all images come first. As
# published, the generation prompt has no such space.
CHAT_TEMPLATE = """\
{%- for message in messages %}
{{- '<|im_start|>' + message.role + ' ' }}
{%- for part in message.content if part.type == 'image' %}
{{- '<image>' }}
{%- endfor %}
{%- for part in message.content if part.type == 'text' %}
{{- '\\n' + part.text }}
{%- endfor %}
{{- '<|im_end|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}"""

VIEW_PX = 112  # 384 in the published model
PATCH_PX = 16  # 14 in the published model
TOKENS_PER_VIEW = (VIEW_PX // PATCH_PX) ** 2  # 49; 729 in the published model
# Height and width of the grids that an image is fitted into, up to six tiles along a side in the published model. What
# takes more than nine tiles is scaled down to nine, so four by four must be there to be tested.
GRIDS = [[VIEW_PX * rows, VIEW_PX * columns] for rows in (1, 2, 4) for columns in (1, 2, 4)]


def build_processor() -> "ProcessorMixin":
    """Train the tokenizer and put the processor together."""
    vocab, merges = train_bpe([*corpus(), "user\nassistant"], SPECIAL_TOKENS)
    tokenizer = Qwen2Tokenizer(
        vocab, merges, eos_token="<|im_end|>", pad_token="<|endoftext|>", extra_special_tokens=list(SPECIAL_TOKENS[1:])
    )
    view: dict[str, Any] = {"size": {"height": VIEW_PX, "width": VIEW_PX}}
    return LlavaOnevisionProcessor(
        image_processor=LlavaOnevisionImageProcessor(**view, image_grid_pinpoints=GRIDS),
        tokenizer=tokenizer,
        video_processor=LlavaOnevisionVideoProcessor(**view),
        num_image_tokens=TOKENS_PER_VIEW,
        vision_feature_select_strategy="full",
        chat_template=CHAT_TEMPLATE,
    )


def build_model(processor: "ProcessorMixin") -> "PreTrainedModel":
    """Make the model with random weights (about 0.8 million, from torch's global generator)."""
    token_id = processor.tokenizer.convert_tokens_to_ids
    config = LlavaOnevisionConfig(
        text_config={
            "model_type": "qwen2",
            "vocab_size": len(processor.tokenizer),
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
            "bos_token_id": None,
            "eos_token_id": token_id("<|im_end|>"),
            "pad_token_id": token_id("<|endoftext|>"),
        },
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": 96,
            "intermediate_size": 192,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": VIEW_PX,
            "patch_size": PATCH_PX,
            "vision_use_head": False,
        },
        tie_word_embeddings=True,
        image_token_index=token_id("<image>"),
        video_token_index=token_id("<video>"),
        image_grid_pinpoints=GRIDS,
    )
    return LlavaOnevisionForConditionalGeneration(config)
