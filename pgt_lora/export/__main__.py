"""The fresh process that verifies what was merged: `python -m pgt_lora.export MERGED ADAPTER [DTYPE]`."""

import sys
from pathlib import Path

from pgt_lora.core.failures import exit_with_one_line
from pgt_lora.core.machine import importing
from pgt_lora.core.terminal import hide_noise, print_anything

if __name__ == "__main__":
    print_anything()
    hide_noise()
    with exit_with_one_line():
        with importing():
            from pgt_lora.export.verify import verify_and_report
            from pgt_lora.models.checkpoint import adapter_checkpoint

        sys.exit(not verify_and_report(Path(sys.argv[1]), adapter_checkpoint(Path(sys.argv[2])), *sys.argv[3:]))
