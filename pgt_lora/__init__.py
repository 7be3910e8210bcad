"""LoRA fine-tuning of vision-language models on Procedurally Generated Tasks."""

__version__ = "0.1.0"
