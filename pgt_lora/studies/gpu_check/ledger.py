"""What was found: a line as soon as it is known, a file after every line, and a table at the end."""

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_json

Figures = dict[str, Any]


class Ledger:
    """Runs what is to be found out, one thing at a time, so that whatever one does the next is tried.

    `minutes` is how long all of it may take; what would not fit into the rest is left out, and that is said.
    """

    def __init__(self, out: Path, minutes: float, parts: Set[int]) -> None:
        self.out, self.parts = out, parts
        self.began, self.limit = time.monotonic(), 60 * minutes
        # While something runs, what it prints goes into a file, whatever prints it: a library in C or a process, too.
        self.stream = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
        self.facts: Figures = {}
        self.entries: list[Figures] = []
        out.mkdir(parents=True, exist_ok=True)

    def left(self) -> float:
        """Return the seconds that are left."""
        return self.limit - (time.monotonic() - self.began)

    def say(self, text: str) -> None:
        """Print a line with the time since the start."""
        print(f"[{time.monotonic() - self.began:5.1f} s] {text}", file=self.stream, flush=True)

    def attempt(
        self, part: int, name: str, action: Callable[[], Figures], told: Callable[[Figures], str], seconds: float = 0
    ) -> Figures | None:
        """Run an action that belongs to a part and takes about so many seconds; keep its figures, or why it has none.

        `told` spells the figures in a line. Returns None where there are none.
        """
        if part not in self.parts:
            return None
        if seconds > self.left():
            self._enter(part, name, "left out", f"takes about {seconds:.0f} s, and {max(self.left(), 0):.0f} are left")
            return None
        began, figures = time.monotonic(), None
        with self.guard(part, name):
            with self._quiet():
                figures = action()
            self._enter(part, name, "done", told(figures), {**figures, "took": round(time.monotonic() - began, 1)})
        return figures

    @contextmanager
    def guard(self, part: int, name: str = "the part") -> Iterator[None]:
        """Keep whatever is raised as a failure, its traceback in `errors.log`, so that the next thing is tried."""
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit, too: a run that was stopped
            with (self.out / "errors.log").open("a", encoding="utf-8") as file:
                file.write(f"part {part}, {name}\n{traceback.format_exc()}\n")
            self._enter(part, name, "failed", one_line(error))

    def leave_out(self, part: int, name: str, why: str) -> None:
        """Say that something of a part cannot be found out here."""
        if part in self.parts:
            self._enter(part, name, "left out", why)

    def done(self, part: int | None = None) -> list[Figures]:
        """Return what was found, of one part or of all."""
        return [each for each in self.entries if each["status"] == "done" and part in (None, each["part"])]

    @property
    def failed(self) -> bool:
        """Whether anything failed."""
        return any(each["status"] == "failed" for each in self.entries)

    def _enter(self, part: int, name: str, status: str, line: str, figures: Mapping[str, Any] | None = None) -> None:
        self.entries.append({"part": part, "name": name, "status": status, "line": line, **(figures or {})})
        write_json(self.out / "figures.json", {**self.facts, "entries": self.entries})
        said = "" if status == "done" else f"{status.upper()}: "
        self.say(f"part {part} | {name} | {said}{line}")

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        kept = [os.dup(number) for number in (1, 2)]
        with (self.out / "output.log").open("ab") as log:
            try:
                for number in (1, 2):
                    os.dup2(log.fileno(), number)
                yield
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                for number, own in zip((1, 2), kept, strict=True):
                    os.dup2(own, number)
                    os.close(own)


def one_line(error: BaseException) -> str:
    """Spell an error: the kit's own as it is, another one with its class and where it was raised."""
    if isinstance(error, InputError):
        return str(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(str(error).split())[:400]
    return f"{type(error).__name__}: {said} ({Path(frame.filename).name}:{frame.lineno})"
