"""A model family's adapter: what differs between the families, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import ProcessorMixin


@dataclass(frozen=True)
class Adapter:
    """What the kit must know of a model family.

    `lora_targets` is a regular expression for the full names of the modules that get LoRA: q, k and v of the language
    model and nothing else. `end_token(processor)` is the token that ends an answer, whether or not the published
    template renders it. `answer_prefix(processor)` is the text between the generation prompt and the answer.
    `features_suffice` tells whether the language model takes of an image only what stands in its placeholders.
    `lmms_eval` is the name under which lmms-eval knows the family.
    """

    name: str
    model_type: str  # `model_type` in the checkpoint's config.json
    lmms_eval: str
    lora_targets: str
    end_token: Callable[["ProcessorMixin"], str]
    answer_prefix: Callable[["ProcessorMixin"], str]
    features_suffice: bool = True

    def messages(self, question: str, num_images: int = 1) -> list[dict[str, Any]]:
        """Return one user turn with its images before the question, as all three families were trained."""
        images = [{"type": "image"} for _ in range(num_images)]
        return [{"role": "user", "content": [*images, {"type": "text", "text": question}]}]
