"""lmms-eval's command line, as `python -m pgt_lora.benchmarks.entry`, in the environment that it is installed in.

Importing this package is what lets torchvision be imported beside a CPU-only torch (`pgt_lora.torchvision_on_cpu`).
"""

from lmms_eval.__main__ import cli_evaluate

if __name__ == "__main__":
    cli_evaluate()
