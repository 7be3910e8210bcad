"""Commands of the kit in messages: as they can be typed here."""

import os
import shlex
import shutil
import sys
from pathlib import Path

PROGRAM = "pgt-lora"


def typed(*words: object) -> str:
    """Return a command of `pgt-lora` with words that are quoted where a shell needs it.

    The program is spelled as this one was called, such as `.venv/bin/pgt-lora`, where its bare name would not be found.
    """
    called = Path(sys.argv[0])
    program = PROGRAM
    if called.name == PROGRAM and shutil.which(PROGRAM) != str(called):
        program = os.path.relpath(called)
        if program.startswith(os.pardir):
            program = str(called.absolute())
    return shlex.join([program, *map(str, words)])
