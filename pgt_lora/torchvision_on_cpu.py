"""Lets torchvision be imported beside a torch that was built without CUDA.

The registry's torchvision wheel is built for CUDA, and registers two of its operators only together with its CUDA
library; without them its import stops at "operator torchvision::nms does not exist". Its transforms, the only part
that the processors of Transformers use, are plain PyTorch. Declaring the two schemas lets the import through.
"""

import importlib.util

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_libraries = []  # a torch.library.Library unregisters its operators when it is collected


def allow_import() -> None:
    """Declare the missing operators where the mismatch exists; do nothing anywhere else."""
    import torch

    if torch.version.cuda is not None or _libraries or importlib.util.find_spec("torchvision") is None:
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    _libraries.append(library)
    for schema in _SCHEMAS:
        name = schema.split("(")[0]
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
