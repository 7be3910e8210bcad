"""What LoRA training takes on one GPU, estimated from a model's dimensions; bytes, unless a name says otherwise.

`tests/training/dry_run/test_memory.py` compares the activations with what autograd keeps on models of the real classes.
Not counted: fragmentation, which `RESERVE` is for.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING

from pgt_lora.models.transformers_internals import TILE_TOKENS, TILE_WORDS

if TYPE_CHECKING:
    from transformers import PreTrainedModel

GIB = 2**30
CONTEXT = 1 * GIB  # CUDA's context, cuBLAS's workspaces and the kernels that are loaded
RESERVE = 0.1  # share of a card that is left free for fragmentation and for errors of the estimate


@dataclass(frozen=True)
class Dimensions:
    """The numbers of a model that its memory follows from."""

    num_parameters: int
    num_in_layers: int  # of them, in the language model's layers
    num_quantized: int  # of them, those of the linear layers in there, which 4-bit loading quantizes
    largest_linear: int
    num_layers: int
    hidden: int
    mlp: int
    attention: int  # width of all heads together
    keys: int  # width of the keys, and of the values; less where heads share them
    head_norms: int  # width of the queries and keys that are normalized, 0 where they are not
    vocabulary: int
    vision_hidden: int
    vision_mlp: int
    num_vision: int  # parameters of the vision tower


@dataclass(frozen=True)
class Batch:
    """One batch on one GPU: its rows, and what its longest row has."""

    size: int
    tokens: int
    supervised: int
    vision_positions: int  # patches that the vision tower sees, before they are merged into tokens


@dataclass(frozen=True)
class Setup:
    """How the model is held and trained.

    `num_shards` GPUs share the weights (FSDP).
    """

    num_trainable: int
    dtype_bytes: int = 2
    four_bit: bool = False
    nested: bool = False
    checkpointing: bool = False
    on_cpu: bool = False
    num_shards: int = 1


@dataclass(frozen=True)
class Memory:
    """What one GPU holds when the backward pass is at its peak."""

    weights: float
    lora: float
    activations: float
    vision: float
    logits: float
    context: float

    @property
    def total(self) -> float:
        """All of it."""
        return float(sum(astuple(self)))

    def fits(self, card_gib: float) -> bool:
        """Tell whether it fits a card, a reserve left free."""
        return self.total <= (1 - RESERVE) * card_gib * GIB


def dimensions(model: "PreTrainedModel") -> Dimensions:
    """Read the dimensions off a model, which may be on the meta device."""
    import torch

    config = model.config.get_text_config()
    # Families name a tower's dimensions differently in their configurations, so they are read off its first block.
    tower = model.get_encoder(modality="image")
    block = next(module[0] for module in tower.modules() if isinstance(module, torch.nn.ModuleList))
    widths = [module.in_features for module in block.modules() if isinstance(module, torch.nn.Linear)]
    layers = model.get_decoder().layers
    linear = [module.weight.numel() for module in layers.modules() if isinstance(module, torch.nn.Linear)]
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    has_norms = hasattr(layers[0].self_attn, "q_norm")
    return Dimensions(
        num_parameters=sum(p.numel() for p in model.parameters()),
        num_in_layers=sum(p.numel() for p in layers.parameters()),
        num_quantized=sum(linear),
        largest_linear=max(linear),
        num_layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        mlp=config.intermediate_size,
        attention=heads * head_dim,
        keys=config.num_key_value_heads * head_dim,
        head_norms=(heads + config.num_key_value_heads) * head_dim if has_norms else 0,
        vocabulary=config.vocab_size,
        vision_hidden=min(widths),
        vision_mlp=max(widths),
        num_vision=sum(p.numel() for p in tower.parameters()),
    )


def estimate(model: Dimensions, batch: Batch, setup: Setup) -> Memory:
    """Estimate the peak of a training step."""
    return Memory(
        weights=weights(model, setup),
        lora=16 * setup.num_trainable / setup.num_shards,  # weight, gradient and AdamW's two moments, in fp32
        activations=activations(model, batch, setup),
        vision=vision(model, batch, setup),
        logits=logits(model, batch, setup),
        context=0 if setup.on_cpu else CONTEXT,
    )


def weights(model: Dimensions, setup: Setup) -> float:
    """Return the frozen weights.

    4 bits: NF4 takes half a byte a weight and an fp32 scale per 64 of them, which nested quantization brings down to
    0.127 bits (QLoRA, section 3); the largest layer is unpacked while it is used. Sharded: two layers and all that is
    in no layer (embeddings, head, vision tower) are gathered on every GPU.
    """
    bits = (4.127 if setup.nested else 4.5) if setup.four_bit else 8 * setup.dtype_bytes
    held = model.num_quantized * bits / 8 + (model.num_parameters - model.num_quantized) * setup.dtype_bytes
    if setup.four_bit:
        held += model.largest_linear * setup.dtype_bytes
    if setup.num_shards == 1:
        return held
    outside = (model.num_parameters - model.num_in_layers) * setup.dtype_bytes
    two_layers = 2 * model.num_in_layers / model.num_layers * bits / 8
    return held / setup.num_shards + outside + two_layers


def layer_activations(model: Dimensions, dtype_bytes: int) -> float:
    """Return what one language-model layer keeps for its backward pass, per token.

    A frozen linear layer keeps nothing: its weights get no gradient. What is kept: the fp32 inputs of two RMSNorms (4h
    each), and of those of queries and keys; the inputs of LoRA on q, k and v (autocast copies them for each, 2h; in
    fp32 they are one, 4h); q and the output of the attention kernel (2a values), k and v (2k); the two halves of the
    gated MLP and the activation between them (3m). The last layer's MLP sees supervised positions alone and keeps less.
    """
    norms, lora = 4 * (2 * model.hidden + model.head_norms), (6 if dtype_bytes == 2 else 4) * model.hidden
    return norms + lora + dtype_bytes * (2 * model.attention + 2 * model.keys + 3 * model.mlp)


def activations(model: Dimensions, batch: Batch, setup: Setup) -> float:
    """Return what the language model keeps: all layers, or each one's input and one layer that is computed again.

    One layer more stands for the gradients on their way through it.
    """
    layer = layer_activations(model, setup.dtype_bytes)
    if setup.checkpointing:
        per_token = model.num_layers * setup.dtype_bytes * model.hidden + 2 * layer
    else:
        per_token = (model.num_layers + 1) * layer
    return batch.size * batch.tokens * per_token


def vision(model: Dimensions, batch: Batch, setup: Setup) -> float:
    """Return what the vision tower takes: one layer's forward pass, as it is frozen and nothing is kept.

    Per position: residual and normalized input, the MLP's two halves and their product, and fp32 copies in the norm and
    the rotary embedding.
    """
    per_position = setup.dtype_bytes * (2 * model.vision_hidden + 3 * model.vision_mlp) + 8 * model.vision_hidden
    return batch.size * batch.vision_positions * per_position


def logits(model: Dimensions, batch: Batch, setup: Setup) -> float:
    """Return what scoring the supervised positions takes: a tile of logits, the hidden states and their fp32 gradient.

    On a CPU there are four fp32 copies of the tile.
    """
    positions = batch.size * batch.supervised
    tile = min(positions, TILE_TOKENS) * min(model.vocabulary, TILE_WORDS)
    copies = 16 if setup.on_cpu else 0
    return tile * (setup.dtype_bytes + copies) + positions * model.hidden * (setup.dtype_bytes + 4)


def largest_batch(model: Dimensions, batch: Batch, setup: Setup, card_gib: float, sizes: Iterable[int]) -> int | None:
    """Return the largest of the batch sizes that fits a card, or None."""
    fitting = [n for n in sizes if estimate(model, replace(batch, size=n), setup).fits(card_gib)]
    return max(fitting, default=None)


def shards_needed(model: Dimensions, batch: Batch, setup: Setup, card_gib: float) -> int | None:
    """Return how many cards must share the weights for a batch of one to fit, or None beyond 64 of them."""
    for num in (1, 2, 4, 8, 16, 32, 64):
        if estimate(model, replace(batch, size=1), replace(setup, num_shards=num)).fits(card_gib):
            return num
    return None
