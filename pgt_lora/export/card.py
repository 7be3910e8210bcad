"""The model card of a run: what was trained on what, how, with what scores and proofs, and how to load it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.html import render_page
from pgt_lora.data.mix.pools import sources_of
from pgt_lora.evaluation.scoring import Score

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

TASK = ("image-text-to-text", "Image-Text-to-Text")


@dataclass(frozen=True)
class HubLicence:
    """A licence in the Hub's terms; `name` and `link` go with the identifier `other`."""

    identifier: str
    name: str | None = None
    link: str | None = None


def base_licence(base: str, given: str | None) -> HubLicence:
    """Return the licence that a derived model inherits: the one given, or that of the base's own card.

    Raises:
        InputError: the base has no card that names one, or it cannot be reached.
    """
    if given:
        return HubLicence(given)
    from huggingface_hub import ModelCard

    try:
        card = ModelCard.load(str(Path(base) / "README.md") if Path(base).is_dir() else base)
    except Exception as error:  # no such file, or whatever the Hub's client raises
        raise InputError(f"{base}: its card cannot be read ({error}); pass --licence") from error
    data = card.data.to_dict()
    if "license" not in data:
        raise InputError(f"{base}: its card names no licence; pass --licence")
    return HubLicence(data["license"], data.get("license_name"), data.get("license_link"))


def write_card(run: Path, base: str, licence: HubLicence, repo: str, merged: bool) -> str:
    """Return the card of a run's merged model, or of its adapter, as the text of its README.md."""
    from huggingface_hub import ModelCard, ModelCardData

    facts = _read(run / "adapter" / "run.json")
    sources = sources_of(facts["data"])
    scores = {stage: _scores(run / stage / "pgt") for stage in ("base", "finetuned")}
    on_hub = not Path(base).is_dir()
    data = ModelCardData(
        base_model=base if on_hub else None,
        base_model_relation=("finetune" if merged else "adapter") if on_hub else None,
        library_name="transformers" if merged else "peft",
        pipeline_tag=TASK[0],
        tags=["pgt-lora", "lora", "trl", "sft"],
        license=licence.identifier,
        license_name=licence.name,
        license_link=licence.link,
        datasets=hub_ids(sources) or None,
        model_name=repo.split("/")[-1],
        eval_results=results(scores["finetuned"]),
    )
    text = render_page(
        "card.md.jinja",
        repo=repo,
        base=base if on_hub else Path(base).name,
        revision=_read(run / "adapter" / "adapter_config.json").get("revision"),
        sources=sources,
        merged=merged,
        facts=facts,
        max_new_tokens=_read(run / "finetuned" / "pgt" / "scores.json")["generation"]["max_new_tokens"],
        recipe=(run / "adapter" / "recipe.yaml").read_text(encoding="utf-8"),
        base_scores=scores["base"],
        scores=scores["finetuned"],
        verification=_read(run / "merged" / "verification.json"),
    )
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n{text}"))


def hub_ids(sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the Hub ids among the datasets that a run was trained on."""
    origins = (str(facts.get("origin", "")) for facts in sources.values())
    return sorted({origin for origin in origins if origin.count("/") == 1})


def results(scores: Mapping[str, Score]) -> "list[EvalResult]":
    """Return the scores as the Hub's `model-index` has them."""
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type=TASK[0],
            task_name=TASK[1],
            dataset_type="pgt",
            dataset_name=f"Held-out PGT, {task}",
            dataset_config=task,  # results of one type and configuration are put under the first one's name
            metric_type="accuracy",
            metric_value=round(score.accuracy, 4),
        )
        for task, score in scores.items()
    ]


def _scores(directory: Path) -> dict[str, Score]:
    from pgt_lora.evaluation.score_files import read_scores

    if not (directory / "scores.json").is_file():
        raise InputError(f"{directory}: the run was not scored; do it with: pgt-lora run {directory.parents[1]}")
    return read_scores(directory)


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing, so this run is not finished; finish it with: pgt-lora run") from error
    return found
