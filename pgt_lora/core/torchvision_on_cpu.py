"""Lets torchvision be imported beside a torch that was built without CUDA.

The registry's torchvision wheel is built for CUDA and registers two of its operators only together with its CUDA
library; beside a CPU-only torch its import stops at "operator torchvision::nms does not exist". Its transforms, the
only part that the processors of Transformers use, are plain PyTorch. Declaring the two schemas lets the import through.
"""

import sys
from collections.abc import Sequence
from types import ModuleType

# Where `install_for_all` was called, every start of Python imports this module: nothing that takes time stands above.
_OPERATORS = ("nms", "qnms")
_SCHEMA = "{}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

# Python runs the lines of such files that begin with `import`. Theirs are read in the order of their names: this one
# comes behind that of an editable install, which begins with an underscore.
START_FILE = "pgt_lora_torchvision_on_cpu.pth"
START_LINE = f"import sys; exec('try:\\n from {__name__} import install\\n install()\\nexcept ImportError: pass')\n"


class _BeforeTorchvision:
    """Finds nothing itself; is asked when torchvision is about to be imported, whoever imports it."""

    def __init__(self) -> None:
        self.library: object = None  # unregisters its operators when it is collected

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "torchvision" and self.library is None:
            import torch

            if torch.version.cuda is None and torch.version.hip is None:
                library = self.library = torch.library.Library("torchvision", "FRAGMENT")
                for operator in _OPERATORS:
                    if not hasattr(torch.ops.torchvision, operator):
                        library.define(_SCHEMA.format(operator))


def install() -> None:
    """Watch for the import of torchvision; costs nothing until then."""
    if not any(isinstance(finder, _BeforeTorchvision) for finder in sys.meta_path):
        sys.meta_path.insert(0, _BeforeTorchvision())


def install_for_all() -> None:
    """Do so in every Python of this environment from its start, whether or not it imports the kit."""
    import sysconfig
    from pathlib import Path

    (Path(sysconfig.get_path("purelib")) / START_FILE).write_text(START_LINE, encoding="utf-8")
