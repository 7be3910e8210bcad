"""lmms-eval's command line, `python -m pgt_lora.studies.benchmarks.entry`, in the environment that it is installed in.

There, too, torchvision must be imported beside a CPU-only torch.
"""

from pgt_lora.core import torchvision_on_cpu

torchvision_on_cpu.install()

if __name__ == "__main__":
    from lmms_eval.__main__ import cli_evaluate

    cli_evaluate()
