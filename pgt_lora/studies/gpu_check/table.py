"""The table at the end: every run that was timed, in Markdown."""

from pgt_lora.studies.gpu_check.ledger import Figures, Ledger

HEAD = """
| run | at a time | tokens/s | of the matrix rate | of the data sheet's | kit/TRL | peak, GiB | estimate | loss |
|---|---:|---:|---:|---:|---:|---:|---:|---:|"""


def print_table(ledger: Ledger) -> None:
    """Print a row for every timed run, and how many things failed or were left out."""
    timed = [each for each in ledger.done() if "tokens_per_s" in each]
    if timed:
        print(HEAD, file=ledger.stream)
        for each in timed:
            print(row(each), file=ledger.stream)
    counts = {status: sum(each["status"] == status for each in ledger.entries) for status in ("failed", "left out")}
    ledger.say(f"{len(ledger.done())} done, {counts['failed']} failed, {counts['left out']} left out; {ledger.out}")


def row(run: Figures) -> str:
    """Spell a run as a row."""
    sheet = f"{run['utilization_sheet']:.1%}" if run["utilization_sheet"] else "–"
    cells = (
        run["name"], run["batch"], f"{run['tokens_per_s']:,}", f"{run['utilization']:.1%}", sheet, run.get("ratio", ""),
        f"{run['peak_gib']:.1f}", f"{run['estimate_gib']:.1f}", f"{run['loss']:.4f}",
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"
