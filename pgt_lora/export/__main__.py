"""The fresh process that verifies a merged checkpoint: `python -m pgt_lora.export MERGED ADAPTER [DTYPE]`."""

import sys
from pathlib import Path

from pgt_lora.core.failures import exit_with_one_line
from pgt_lora.core.terminal import hide_noise, print_anything

if __name__ == "__main__":
    print_anything()
    hide_noise()  # before the imports, as some of it is theirs
    from pgt_lora.export.verify import verify_and_report
    from pgt_lora.models.checkpoint import adapter_checkpoint

    with exit_with_one_line():
        sys.exit(not verify_and_report(Path(sys.argv[1]), adapter_checkpoint(Path(sys.argv[2])), *sys.argv[3:]))
