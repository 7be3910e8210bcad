"""LoRA fine-tuning of vision-language models on Procedurally Generated Tasks.

What is imported from here is loaded when it is first asked for, so that `import pgt_lora` costs nothing:

    from pgt_lora import ask, finetune, generate

    generate(Path("data/mine"), num_samples=5000, seed=0)
    finetune("tiny-qwen2.5-vl", "data/mine", "runs/mine")
    ask("runs/mine", ["photo.jpg"], "Where is the cup?", base=True)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pgt_lora.core.errors import InputError
    from pgt_lora.data.directory import open_dataset
    from pgt_lora.data.generate import generate
    from pgt_lora.data.readers.build import import_data
    from pgt_lora.data.sample import Sample
    from pgt_lora.studies.by_name import ask, chat, evaluate, finetune, load_recipe, merge, overlay, verify

__version__ = "0.1.0"
__all__ = [
    "InputError", "Sample", "ask", "chat", "evaluate", "finetune", "generate", "import_data", "load_recipe", "merge",
    "open_dataset", "overlay", "verify",
]  # fmt: skip

_ELSEWHERE = {
    "InputError": "pgt_lora.core.errors",
    "Sample": "pgt_lora.data.sample",
    "generate": "pgt_lora.data.generate",
    "import_data": "pgt_lora.data.readers.build",
    "open_dataset": "pgt_lora.data.directory",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'pgt_lora' has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE.get(name, "pgt_lora.studies.by_name")), name)
