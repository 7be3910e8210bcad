"""A small LLaVA-NeXT in each of its chat formats: the real classes, with its own vocabulary."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaTokenizer,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextImageProcessor,
    LlavaNextProcessor,
    PreTrainedTokenizerFast,
)

from pgt_lora.models.transformers_internals import PRETOKENIZE_REGEX
from pgt_lora.tiny.tokenizer import corpus, train_bpe

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, ProcessorMixin

# What all forms share: an image stands on a line of its own.
SAID = """\
{%- macro said(content) %}
{%- if content is string %}
{{- content }}
{%- else %}
{%- for part in content %}
{{- '<image>\\n' if part.type == 'image' else part.text }}
{%- endfor %}
{%- endif %}
{%- endmacro %}
"""

# As published, no end token follows an answer.
VICUNA = """\
{%- for message in messages %}
{{- 'ASSISTANT: ' if message.role == 'assistant' else 'USER: ' }}
{{- said(message.content) + ' ' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- 'ASSISTANT:' }}
{%- endif %}"""

# As published, a space follows the end token.
MISTRAL = """\
{%- for message in messages %}
{%- if message.role == 'assistant' %}
{{- ' ' + said(message.content) + '</s> ' }}
{%- else %}
{{- '[INST] ' + said(message.content) + ' [/INST]' }}
{%- endif %}
{%- endfor %}"""

# As published, a newline more than in the generation prompt precedes an answer.
LLAMA3 = """\
{%- for message in messages %}
{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' }}
{{- '\\n' if message.role == 'assistant' }}
{{- said(message.content) + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}"""


@dataclass(frozen=True)
class Form:
    """A language model that LLaVA-NeXT was published with; BOS, EOS, image and padding are the first special tokens."""

    model_type: str
    chat_template: str
    special_tokens: Sequence[str]


LLAMA_TOKENS = ("<s>", "</s>", "<image>", "<pad>", "<unk>")
LLAMA3_TOKENS = (
    "<|begin_of_text|>", "<|eot_id|>", "<image>", "<pad>", "<|end_of_text|>", "<|start_header_id|>",
    "<|end_header_id|>",
)  # fmt: skip
FORMS = {
    "vicuna": Form("llama", SAID + VICUNA, LLAMA_TOKENS),
    "mistral": Form("mistral", SAID + MISTRAL, LLAMA_TOKENS),
    "llama3": Form("llama", SAID + LLAMA3, LLAMA3_TOKENS),
}

VIEW_PX = 112  # 336 in the published model
PATCH_PX = 16  # 14 in the published model
# Height and width of the grids that an image is fitted into. A square image gets one tile, on top of the view of the
# whole: 7 × 7 tokens for the view, 7 × 7 and one newline a row for the grid, 105 together. The published model's
# smallest grid is two tiles.
GRIDS = [[VIEW_PX, VIEW_PX], [VIEW_PX, 2 * VIEW_PX], [2 * VIEW_PX, VIEW_PX]]


def build_processor(form: str = "vicuna") -> "ProcessorMixin":
    """Train the tokenizer and put the processor together; `form` is `vicuna`, `mistral` or `llama3`."""
    sizes: dict[str, Any] = {
        "size": {"shortest_edge": VIEW_PX},
        "crop_size": {"height": VIEW_PX, "width": VIEW_PX},
        "image_grid_pinpoints": GRIDS,
    }
    return LlavaNextProcessor(
        image_processor=LlavaNextImageProcessor(**sizes),
        tokenizer=build_tokenizer(form),
        patch_size=PATCH_PX,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=FORMS[form].chat_template,
    )


def build_tokenizer(form: str) -> "PreTrainedTokenizerBase":
    """Train the tokenizer: byte-level for Llama 3, and in the manner of SentencePiece for Vicuna and Mistral."""
    special = FORMS[form].special_tokens
    vocab, merges = train_bpe([*corpus(), "USER ASSISTANT [INST] [/INST]\nuser\nassistant"], special)
    named = dict(zip(("bos_token", "eos_token", "image_token", "pad_token"), special, strict=False))
    if form != "llama3":
        # Published tokenizers differ in whether the text after a special token gets a space; here is one of each.
        pieces, merges = to_pieces(vocab, merges, special)
        return LlamaTokenizer(pieces, merges, add_bos_token=True, legacy=form == "mistral", **named)
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    split = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, add_bos_token=True, extra_special_tokens=list(special[4:]), **named
    )


def to_pieces(
    vocab: dict[str, int], merges: Sequence[tuple[str, str]], special: Sequence[str]
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Rewrite a byte-level vocabulary as SentencePiece writes it: ▁ for a space, `<0x0A>` for a newline's byte."""

    def spelled(token: str) -> str:
        return token.replace("Ġ", "▁")

    def kept(token: str) -> bool:
        return token.replace("Ġ", "").isascii()

    words = [spelled(token) for token in sorted(vocab, key=lambda each: vocab[each]) if kept(token)]
    tokens = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    pieces = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    return pieces, [(spelled(a), spelled(b)) for a, b in merges if kept(a) and kept(b)]


def build_model(processor: "ProcessorMixin") -> "PreTrainedModel":
    """Make the model with random weights (about 1.6 million, from torch's global generator)."""
    tokenizer = processor.tokenizer
    (form,) = (form for form in FORMS.values() if form.chat_template == processor.chat_template)
    config = LlavaNextConfig(
        text_config={
            "model_type": form.model_type,
            "vocab_size": len(tokenizer),
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 6,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": False,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "model_type": "clip_vision_model",
            "hidden_size": 96,
            "intermediate_size": 192,
            "num_hidden_layers": 5,  # of which the last is never used: features are taken from the one before it
            "num_attention_heads": 4,
            "image_size": VIEW_PX,
            "patch_size": PATCH_PX,
            "projection_dim": 96,
        },
        tie_word_embeddings=False,
        image_token_index=tokenizer.image_token_id,
        image_grid_pinpoints=GRIDS,
        image_seq_length=(VIEW_PX // PATCH_PX) ** 2,
        vision_feature_layer=-2,
    )
    return LlavaNextForConditionalGeneration(config)
