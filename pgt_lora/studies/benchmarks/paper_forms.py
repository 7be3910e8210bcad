"""The benchmarks in the forms of the paper's evaluation, as far as those are known (`--prompts paper`).

Appendix C prints the words of VSR and CV-Bench-3D. VSR's are those of the public harness TRI-ML/vlm-evaluation, which
belongs to the training framework that the paper names. That table 2 went through that harness is an inference, and so
is every wording that is taken from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from pgt_lora.data.sources import tallyqa, vsr, whatsup
from pgt_lora.data.sources.source import Annotations, License, Source, SourceSettings
from pgt_lora.evaluation.probability import By
from pgt_lora.studies.benchmarks import hub_sets, wordings


class Wording(StrEnum):
    """How a benchmark's words in the paper are known."""

    PRINTED = "printed in the paper"
    INFERRED = "inferred"
    UNKNOWN = "not known: ours"


@dataclass(frozen=True)
class Form:
    """One benchmark in the paper's form: what reads and asks it, what decides an answer, and how that is known.

    `column` is the paper's heading; its figures stand beside only where the words are printed or inferred.
    """

    source: Source
    by: By
    wording: Wording
    column: str | None = None
    note: str = ""


def _on_hub(name: str, repo: str, files: tuple[str, ...], read: hub_sets.Read, asked: str, license: License) -> Source:
    return Source(
        name=name, homepage=f"huggingface.co/datasets/{repo}", license=license, origin=lambda settings: repo,
        files=lambda split, settings: files if split == "test" else (), read=read, ask=getattr(wordings, asked),
        wider=lambda settings: "there are no more",
    )  # fmt: skip


def _up_to_fifteen(path: Path, split: str, settings: SourceSettings) -> Annotations:
    """Read TallyQA; what has none of the sixteen letters as its answer is skipped and counted."""
    found = tallyqa.read(path, split, settings)
    rows = tuple(row for row in found.rows if int(row.answer) <= wordings.LARGEST_COUNT)
    more = len(found.rows) - len(rows)
    return replace(found, rows=rows, skipped={**found.skipped, **({"answer above 15": more} if more else {})})


def _cv_bench(dimension: str) -> Source:
    folder = f"{dimension}/*.parquet"
    files = (f"test_{dimension.lower()}.parquet", folder, "test.parquet")
    name, license = f"cv-bench-{dimension.lower()}", License("Apache-2.0", "of COCO, ADE20K and Omni3D", False)
    return _on_hub(name, "nyu-visionx/CV-Bench", files, hub_sets.read_cv_bench(dimension), "cv_bench", license)


_DATA = ("data/test-*.parquet", "test-*.parquet")
_GQA = _on_hub(
    "gqa", "lmms-lab-encoder/GQA", (f"{hub_sets.GQA_QUESTIONS}/*.parquet", f"{hub_sets.GQA_IMAGES}/*.parquet"),
    hub_sets.read_gqa, "gqa", License("CC BY 4.0", "of Visual Genome (Flickr)", False),
)  # fmt: skip
_AI2D = _on_hub(
    "ai2d", "lmms-lab-encoder/ai2d", (*_DATA, "questions/*.json", "ai2d/questions/*.json"), hub_sets.read_ai2d, "ai2d",
    License("none stated", "none stated", False),
)  # fmt: skip
_POPE = _on_hub(
    "pope",
    "lmms-lab-encoder/POPE",
    _DATA,
    hub_sets.read_pope,
    "pope",
    License("MIT", "COCO terms of use (Flickr)", False),
)
_TALLYQA = replace(
    tallyqa.SOURCE, origin=lambda settings: "vikhyatk/tallyqa-test", read=_up_to_fifteen, ask=wordings.tallyqa
)

# In the order of the paper's table 2.
FORMS: Mapping[str, Form] = {
    "whatsup": Form(whatsup.SOURCE, By.PROBABILITY, Wording.UNKNOWN),
    "vsr": Form(
        replace(vsr.SOURCE, ask=wordings.vsr), By.PROBABILITY, Wording.PRINTED, "VSR",
        "the zero-shot test, the line break and True against False by probability are the public harness's: inferred",
    ),
    "cv-bench-2d": Form(
        _cv_bench("2D"), By.PROBABILITY, Wording.INFERRED, "CV-2D", "worded as CV-Bench-3D; by probability: inferred"
    ),
    "cv-bench-3d": Form(
        _cv_bench("3D"), By.PROBABILITY, Wording.PRINTED, "CV-3D",
        "the paper prints the options with and without dashes; by probability: inferred",
    ),
    "tallyqa": Form(_TALLYQA, By.PROBABILITY, Wording.INFERRED, "TallyQA", "sixteen letters, A for 0 to P for 15"),
    "gqa": Form(_GQA, By.GENERATION, Wording.INFERRED, "GQA"),
    "ai2d": Form(
        _AI2D, By.PROBABILITY, Wording.INFERRED, "AI2D",
        "the public harness asks all 15,501 questions, the Hub's test split has fewer: give the original's directory",
    ),
    "pope": Form(
        _POPE, By.GENERATION, Wording.INFERRED, "POPE", "the public harness compares the probabilities of Yes and No"
    ),
}  # fmt: skip
