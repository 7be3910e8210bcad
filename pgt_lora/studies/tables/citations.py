"""BibTeX of what runs used: the paper, the libraries, the base model, the data and the benchmarks."""

import re
from collections.abc import Sequence
from pathlib import Path

from pgt_lora.core.files import read_json
from pgt_lora.models.names import STARTED
from pgt_lora.studies.tables.scored import read_all

REFERENCES = Path(__file__).with_name("references.bib")
ALWAYS = ("pgt", "lora", "peft", "trl", "transformers")
SAME = {"coco_position": "coco"}  # what has another name among the references
TASKS = ("absolute_position",)  # those of another paper than PGT's, which have a reference of their own


def bibtex(directories: Sequence[Path]) -> str:
    """Return the references of runs, comparisons and benchmarked models; a comment names what has none here.

    Raises:
        InputError: a directory holds no scores.
    """
    scored, benchmarked = read_all(directories)
    names = list(ALWAYS)
    for home in dict.fromkeys(each.home for each in scored):
        for run in (home, *sorted(home.glob("arms/*"))):
            names += used(run)
    for each in benchmarked:
        names += [each.facts["family"], *each.facts["benchmarks"]]
    known = references()
    wanted = dict.fromkeys(SAME.get(name, name) for name in names)
    missing = [name for name in wanted if name not in known]
    comment = [f"% No reference here for: {', '.join(missing)}\n"] if missing else []
    return "\n".join([*comment, *(known[name] for name in wanted if name in known)])


def used(run: Path) -> list[str]:
    """Return the family of a run's base, and the sources and tasks of its data that are cited; none if not trained."""
    if not (run / STARTED).is_file():
        return []
    names = [read_json(run / STARTED)["recipe"].get("model_family")]
    record = run / "adapter" / "run.json"
    if record.is_file():
        data = read_json(record)["data"]
        names += [*data.get("sources", ()), *(task for task in TASKS if task in data["counts"])]
    return [name for name in names if name]


def references() -> dict[str, str]:
    """Return the entries of the file of references, by their keys."""
    entries = re.split(r"\n(?=@)", REFERENCES.read_text(encoding="utf-8"))
    return {re.match(r"@\w+\{([^,]+),", entry)[1]: entry.rstrip() + "\n" for entry in entries}  # type: ignore[index]
