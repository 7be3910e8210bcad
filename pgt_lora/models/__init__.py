"""Model families, checkpoints and the one input path."""

from pgt_lora.core import torchvision_on_cpu

# Every processor is loaded by this layer or below it; those of Transformers import torchvision.
torchvision_on_cpu.install()
