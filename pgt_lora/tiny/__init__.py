"""The small models that ship with the project: how they are built and what they were taught."""

import pgt_lora.models  # noqa: F401 - its finder has to come before Transformers
