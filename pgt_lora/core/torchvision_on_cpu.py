"""Lets torchvision be imported beside a torch that was built without CUDA.

The registry's torchvision wheel is built for CUDA and registers two of its operators only together with its CUDA
library; beside a CPU-only torch its import stops at "operator torchvision::nms does not exist". Its transforms, the
only part that the processors of Transformers use, are plain PyTorch. Declaring the two schemas lets the import through.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

_OPERATORS = ("nms", "qnms")
_SCHEMA = "{}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class _BeforeTorchvision(MetaPathFinder):
    """Finds nothing itself; is asked when torchvision is about to be imported, whoever imports it."""

    def __init__(self) -> None:
        self.library: Any = None  # unregisters its operators when it is collected

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "torchvision" and self.library is None:
            import torch

            if torch.version.cuda is None and torch.version.hip is None:
                self.library = torch.library.Library("torchvision", "FRAGMENT")
                for operator in _OPERATORS:
                    if not hasattr(torch.ops.torchvision, operator):
                        self.library.define(_SCHEMA.format(operator))


def install() -> None:
    """Watch for the import of torchvision; costs nothing until then."""
    if not any(isinstance(finder, _BeforeTorchvision) for finder in sys.meta_path):
        sys.meta_path.insert(0, _BeforeTorchvision())
