"""LoRA fine-tuning of vision-language models on Procedurally Generated Tasks."""

from pgt_lora.core import torchvision_on_cpu

__version__ = "0.1.0"

torchvision_on_cpu.install()
