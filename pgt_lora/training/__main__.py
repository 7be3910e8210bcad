"""One of several processes that train: `python -m pgt_lora.training RECIPE.yaml DATA OUT [overwrite] [EVAL_DATA]`."""

import sys
from pathlib import Path

from pgt_lora.core.failures import exit_with_one_line
from pgt_lora.core.machine import keep_freed_memory
from pgt_lora.core.terminal import hide_noise, print_anything

if __name__ == "__main__":
    print_anything()
    hide_noise()  # before the imports, as some of it is theirs
    keep_freed_memory()
    from pgt_lora.core.recipe import load_recipe
    from pgt_lora.training.finetune import finetune

    words = sys.argv[4:]
    with exit_with_one_line():
        evaluated = next((Path(word) for word in words if word != "overwrite"), None)
        finetune(load_recipe(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]), "overwrite" in words, evaluated)
