"""lmms-eval's command line, `python -m pgt_lora.studies.benchmarks.entry`, in the environment that it is installed in.

Importing this package lets torchvision be imported beside a CPU-only torch (`pgt_lora.core.torchvision_on_cpu`).
"""

from lmms_eval.__main__ import cli_evaluate

if __name__ == "__main__":
    cli_evaluate()
