"""The small models' own forward pass for batches of one size: few kernels, no waiting for the device.

The models take images of any size and number, one by one where they must. Here all are alike, so that each family's
pass is the same arithmetic in whole batches; `tests/tiny/test_forward.py` compares them.
"""

from functools import cache, partial
from typing import Any

import torch
from torch.nn.functional import linear, rms_norm, scaled_dot_product_attention
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb_vision

from pgt_lora.tiny.grounding import SIDE

MAX_TOKENS = 2048


def normalized(images: torch.Tensor, image_processor: Any) -> torch.Tensor:
    """Return RGB bytes, (images, height, width, 3), as the processor gives them: (images, 3, height, width)."""
    mean, std = (
        _channels(tuple(each), images.device) for each in (image_processor.image_mean, image_processor.image_std)
    )
    return (images.movedim(-1, 1).float() / 255 - mean) / std


@cache
def _channels(values: tuple[float, ...], device: torch.device) -> torch.Tensor:
    # Every constant is sent once: sending waits until the device has done all that it was told before.
    return torch.tensor(values, device=device).view(3, 1, 1)


def fuse_norms(model: torch.nn.Module) -> None:
    """Give every RMSNorm of a 32-bit model the one kernel that PyTorch has for it; Transformers starts eight."""
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon"):
            module.forward = partial(_fused_norm, module)


def _fused_norm(module: Any, hidden: torch.Tensor) -> torch.Tensor:
    return rms_norm(hidden, module.weight.shape, module.weight, module.variance_epsilon)


def hidden_states(model: Any, ids: torch.Tensor, pixels: torch.Tensor, first: int, number: int) -> list[torch.Tensor]:
    """Return the language model's input and its layers' outputs, the last one normed.

    The `number` image tokens of every row of `ids` start at `first`.
    """
    features = FEATURES[model.config.model_type](model.model, pixels)
    embedded = model.get_input_embeddings()(ids)
    embedded = torch.cat((embedded[:, :first], features.to(embedded.dtype), embedded[:, first + number :]), 1)
    positions = None
    if model.config.model_type == "qwen2_5_vl":
        positions = _image_positions(first, ids.device)[:, None, : ids.shape[1]].expand(-1, len(ids), -1)
    found = model.model.language_model(
        inputs_embeds=embedded, position_ids=positions, output_hidden_states=True, use_cache=False
    )
    return [*found.hidden_states[:-1], found.last_hidden_state]


@cache
def _image_positions(first: int, device: torch.device) -> torch.Tensor:
    """Return Qwen's positions in time, height and width of a text with one image: (3, tokens)."""
    positions = torch.arange(MAX_TOKENS).expand(3, -1).clone()
    image = slice(first, first + SIDE * SIDE)
    positions[:, first + SIDE * SIDE :] -= SIDE * SIDE - SIDE
    positions[0, image] = first
    positions[1, image] = first + torch.arange(SIDE).repeat_interleave(SIDE)
    positions[2, image] = first + torch.arange(SIDE).repeat(SIDE)
    return positions.to(device)


@cache
def _patch_positions(side: int, merge: int, device: torch.device) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    blocks = (side // merge, merge, side // merge, merge)
    return torch.stack([each.reshape(blocks).transpose(1, 2).flatten() for each in (rows, columns)], 1).to(device)


def qwen_features(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Return the image tokens of a Qwen2.5-VL whose windows are as large as the image."""
    tower = model.visual
    merge, side = tower.spatial_merge_size, pixels.shape[-1] // tower.patch_size
    blocks = (side // merge, merge)
    patches = pixels.unfold(2, tower.patch_size, tower.patch_size).unfold(3, tower.patch_size, tower.patch_size)
    patches = patches.unflatten(3, blocks).unflatten(2, blocks).permute(0, 2, 4, 3, 5, 1, 6, 7)
    patches = patches.flatten(5).flatten(1, 4)
    # Both frames of a patch show the same.
    hidden = linear(patches, tower.patch_embed.proj.weight.sum(2).flatten(1))
    rotary = tower.rotary_pos_emb(hidden, _patch_positions(side, merge, hidden.device))
    for block in tower.blocks:
        attention = block.attn
        qkv = attention.qkv(block.norm1(hidden)).unflatten(-1, (3, attention.num_heads, -1))
        query, key = apply_rotary_pos_emb_vision(qkv[:, :, 0], qkv[:, :, 1], *rotary)
        with torch.autocast(hidden.device.type, enabled=False):
            query, key, value = (each.float().transpose(1, 2) for each in (query, key, qkv[:, :, 2]))
            found = scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        hidden = hidden + attention.proj(found)
        hidden = hidden + block.mlp(block.norm2(hidden))
    return tower.merger(hidden).view(len(pixels), SIDE * SIDE, -1)


def internvl_features(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Return the image tokens of an InternVL3, one tile an image."""
    features: torch.Tensor = model.get_image_features(pixel_values=pixels, return_dict=True).pooler_output
    return features.view(len(pixels), SIDE * SIDE, -1)


def llava_next_features(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Return the image tokens of a LLaVA-NeXT: the view of the whole, and one tile of the same, row by row."""
    states = model.vision_tower(pixels, output_hidden_states=True).hidden_states
    view = model.multi_modal_projector(states[model.config.vision_feature_layer][:, 1:])
    newline = model.image_newline.to(view.dtype).expand(len(view), SIDE, 1, -1)
    return torch.cat((view, torch.cat((view.unflatten(1, (SIDE, SIDE)), newline), 2).flatten(1, 2)), 1)


FEATURES = {"qwen2_5_vl": qwen_features, "internvl": internvl_features, "llava_next": llava_next_features}
