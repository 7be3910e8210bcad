"""The diagnosis in one command: answer a probe set, and say in words what the model sees."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pgt_lora.core.errors import InputError
from pgt_lora.core.machine import free_gpu
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.terminal import console
from pgt_lora.core.workspace import run_directory
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.pgt import pgt_settings
from pgt_lora.data.probes import probe_data
from pgt_lora.data.style import Style
from pgt_lora.evaluation.evaluate import evaluate, load_for_evaluation
from pgt_lora.evaluation.generation import Generation
from pgt_lora.evaluation.paired import read_items, read_result
from pgt_lora.models.checkpoint import Checkpoint
from pgt_lora.models.names import Named
from pgt_lora.studies.diagnose.layers.layers import layer_probes
from pgt_lora.studies.diagnose.layers.probe import check_installed
from pgt_lora.studies.diagnose.layers.report import PAGE as LAYERS_PAGE
from pgt_lora.studies.diagnose.layers.report import print_layers, write_layers
from pgt_lora.studies.diagnose.layers.sites import Probing, check_probing
from pgt_lora.studies.diagnose.report import MODEL, Diagnosis, print_diagnosis, write_pages

NUM_SAMPLES = 200  # images of each task
SCORES = "scores"


def diagnose_model(
    named: Named, data: Path | None, num_samples: int | None, out: Path | None, overrides: Sequence[str] = (),
    overwrite: bool = False, probing: Probing | None = None,
) -> None:  # fmt: skip
    """Answer the probes (or a dataset directory), and write what the answers say of the model.

    `overrides` are what was typed beside the model's name, for the page to say. With `probing`, the states of the model
    and, where it is an adapter, of its base are probed on the same rows.

    Raises:
        InputError: the model, the layers, the data or `out` cannot be used; nothing was answered then. Or the states
            cannot be probed; the diagnosis lies in `out` then, without them.
    """
    if data and num_samples is not None:
        raise InputError("--num-samples is the number of probes: leave it out with --eval-data")
    if probing:
        check_installed()
        check_probing(named.checkpoint.base, named.checkpoint.revision, probing)
    recipe = named.recipe
    out = out or run_directory(f"{recipe.name}-diagnosis")
    with new_directory(out, overwrite) as directory:
        settings = replace(pgt_settings(recipe), style=Style.PLAIN)
        data = data or probe_data(NUM_SAMPLES if num_samples is None else num_samples, settings)
        content_hash = read_manifest(data)["content_hash"]
        loaded, encoder = load_for_evaluation(named.checkpoint, recipe)
        generation = Generation(recipe.sft.per_device_eval_batch_size, recipe.kit.max_new_tokens)
        evaluate(loaded, encoder, data, directory / SCORES, name=named.name, generation=generation)
        result = read_result(read_items(data.name, data), {MODEL: [directory / SCORES]})
        again = command(named.name, data, out, overrides, probing)
        found = Diagnosis(named.name, result, content_hash, again)
        write_pages(found, directory)
        print_diagnosis(found)
    console.print(f"Page: open {(out / 'diagnosis.html').resolve().as_uri()}", soft_wrap=True)
    if probing:  # only now, as what was answered took long and stays where this fails
        del loaded
        free_gpu()
        models = before_and_after(named)
        answered = {list(models)[-1]: result.predictions[MODEL][0]}
        probes = layer_probes(models, data, recipe, probing.layers, probing.sites, answered)
        write_layers(probes, out, named.name, again)
        print_layers(probes)
        console.print(f"Page: open {(out / LAYERS_PAGE).resolve().as_uri()}", soft_wrap=True)


def before_and_after(named: Named) -> dict[str, Checkpoint]:
    """Return the checkpoints whose states are compared: an adapter's base and itself, or what is named alone."""
    checkpoint = named.checkpoint
    if not checkpoint.adapter_dir:
        return {named.name: checkpoint}
    return {"base": replace(checkpoint, adapter_dir=None), "fine-tuned": checkpoint}


def command(model: str, data: Path, out: Path, overrides: Sequence[str], probing: Probing | None = None) -> str:
    """Return the command that makes this diagnosis."""
    words = ["pgt-lora", "diagnose", model, "--eval-data", str(data), "--out", str(out)]
    if probing:
        words += ["--layers", probing.layers, "--at", ",".join(probing.sites)]
    return shlex.join([*words, *overrides])
