"""Fine-tuning."""

import pgt_lora.models  # noqa: F401 - its finder has to come before Transformers
