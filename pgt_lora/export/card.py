"""The model card of a run: what was trained on what, how, with what scores and proofs, and how to load it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json
from pgt_lora.core.html import render_page
from pgt_lora.core.typed import typed
from pgt_lora.data.mix.terms import sources_of
from pgt_lora.evaluation.held_out import TITLES, title
from pgt_lora.evaluation.score_files import read_scores
from pgt_lora.evaluation.scoring import Score
from pgt_lora.export.verify import score_directories

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

TASK = ("image-text-to-text", "Image-Text-to-Text")
SYNTHETIC = {"pgt", "tiny-lessons"}  # the sources that the kit draws itself


@dataclass(frozen=True)
class HubLicense:
    """A license in the Hub's terms; `name` and `link` go with the identifier `other`."""

    identifier: str
    name: str | None = None
    link: str | None = None


@dataclass(frozen=True)
class Table:
    """The scores on one held-out set, task by task, of the base and of the fine-tuned model."""

    name: str
    title: str
    base: Mapping[str, Score]
    scores: Mapping[str, Score]


def base_license(base: str, given: str | None) -> HubLicense:
    """Return the license that a derived model inherits: the one given, or that of the base's own card.

    Raises:
        InputError: the base has no card that names one, or it cannot be reached.
    """
    if given:
        return HubLicense(given)
    from huggingface_hub import ModelCard

    try:
        card = ModelCard.load(str(Path(base) / "README.md") if Path(base).is_dir() else base)
    except Exception as error:  # no such file, or whatever the Hub's client raises
        raise InputError(f"{base}: its card cannot be read ({error}); pass --license") from error
    data = card.data.to_dict()
    if "license" not in data:
        raise InputError(f"{base}: its card names no license; pass --license")
    return HubLicense(data["license"], data.get("license_name"), data.get("license_link"))


def write_card(run: Path, base: str, license: HubLicense, repo: str, merged: bool) -> str:
    """Return the card of a run's merged model, or of its adapter, as the text of its README.md."""
    from huggingface_hub import ModelCard, ModelCardData

    facts = _read(run, "adapter/run.json")
    sources = sources_of(facts["data"])
    scored = [path.name for path in score_directories(run)]
    if not scored:
        raise InputError(f"{run}: was not scored; run: {typed('run', run)}")
    tables = [
        Table(name, title(name), read_scores(run / "base" / name), read_scores(run / "finetuned" / name))
        for name in scored
    ]
    on_hub = not Path(base).is_dir()
    data = ModelCardData(
        base_model=base if on_hub else None,
        base_model_relation=("finetune" if merged else "adapter") if on_hub else None,
        library_name="transformers" if merged else "peft",
        pipeline_tag=TASK[0],
        tags=["pgt-lora", "lora", "trl", "sft"],
        license=license.identifier,
        license_name=license.name,
        license_link=license.link,
        datasets=hub_ids(sources) or None,
        model_name=repo.split("/")[-1],
        eval_results=results(tables),
    )
    text = render_page(
        "card.md.jinja",
        repo=repo,
        base=base if on_hub else Path(base).name,
        revision=_read(run, "adapter/adapter_config.json").get("revision"),
        sources=sources,
        merged=merged,
        facts=facts,
        max_new_tokens=_read(run, f"finetuned/{scored[0]}/scores.json")["generation"]["max_new_tokens"],
        recipe=(run / "adapter" / "recipe.yaml").read_text(encoding="utf-8"),
        tables=tables,
        is_synthetic=set(scored) <= set(TITLES),
        is_trained_on_synthetic=set(sources) <= SYNTHETIC,
        verification=_read(run, "merged/verification.json"),
    )
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n{text}"))


def hub_ids(sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the Hub ids among the datasets that a run was trained on."""
    origins = (str(facts.get("origin", "")) for facts in sources.values())
    return sorted({origin for origin in origins if origin.count("/") == 1})


def results(tables: Iterable[Table]) -> "list[EvalResult]":
    """Return the scores as the Hub's `model-index` has them."""
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type=TASK[0],
            task_name=TASK[1],
            dataset_type=table.name,
            dataset_name=f"{table.title}, {task}",
            dataset_config=task,  # results of one type and configuration are put under the first one's name
            metric_type="accuracy",
            metric_value=round(score.accuracy, 4),
        )
        for table in tables
        for task, score in table.scores.items()
    ]


def _read(run: Path, name: str) -> dict[str, Any]:
    if not (run / name).is_file():
        raise InputError(f"{run / name}: missing, so this run is not finished; finish it with: {typed('run', run)}")
    found: dict[str, Any] = read_json(run / name)
    return found
