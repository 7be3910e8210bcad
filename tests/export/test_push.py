"""What is pushed is proven, whole, and answers the same."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from huggingface_hub import ModelCard, ModelCardData

from pgt_lora.core.errors import InputError
from pgt_lora.evaluation.evaluate import load_for_evaluation
from pgt_lora.evaluation.score_files import read_scores
from pgt_lora.export.behavior import check_scores
from pgt_lora.export.rounding import Rounding
from tests.support.checkpoints import checkpoint
from tests.support.hub_calls import TOKEN, call, push, push_here
from tests.support.hub_server import Hub, Repo

ANSWERS = """
import json, sys
import pgt_lora
from pgt_lora.evaluation.evaluate import load_for_evaluation
from pgt_lora.evaluation.generation import Generation, answer
from pgt_lora.export.verify import fixed_rows
from tests.support.checkpoints import checkpoint
model, encoder = load_for_evaluation(checkpoint(sys.argv[1]))
print(json.dumps(list(answer(model, encoder, fixed_rows(__import__("pathlib").Path(sys.argv[2])), Generation()))))
"""


@pytest.mark.slow
def test_what_is_pushed_is_loaded_and_answers_the_same(hub: Hub, finished: Path, tmp_path: Path) -> None:
    done = push(hub, finished, tmp_path)
    assert done.returncode == 0, done.stderr
    repo = hub.repos["me/model"]
    assert repo.private
    local = {path.name for path in (finished / "merged").iterdir() if not path.name.startswith(".")}
    assert set(repo.branches["main"]) == local | {"README.md"}
    both = [
        call(hub, tmp_path, "-c", ANSWERS, name, str(finished / "adapter"))
        for name in ("me/model", str(finished / "merged"))
    ]
    assert both[0].returncode == 0, both[0].stderr
    assert both[0].stdout == both[1].stdout
    assert len(set(json.loads(both[0].stdout))) > 3
    assert {f"Bearer {TOKEN}"} == hub.tokens
    assert TOKEN not in done.stdout + done.stderr
    assert not any(TOKEN.encode() in data for data in repo.branches["main"].values())


def test_a_second_push_sends_nothing_and_an_interrupted_one_goes_on(hub: Hub, finished: Path, tmp_path: Path) -> None:
    assert push_here(hub, finished, tmp_path, "--what", "both", "--dry-run").returncode == 0
    assert not hub.repos
    weights = finished / "merged" / "model.safetensors"
    adapter = finished / "adapter" / "adapter_model.safetensors"
    oids = {path: subprocess.check_output(["sha256sum", path], text=True).split()[0] for path in (weights, adapter)}
    hub.failing = {oids[weights]}
    stopped = push_here(hub, finished, tmp_path, "--what", "both")
    assert stopped.returncode == 2
    assert "run the same command to resume" in stopped.stderr
    assert not hub.repos["me/model"].branches["main"]
    hub.failing = set()
    hub.put.clear()
    sent_before = set(hub.large)
    assert push_here(hub, finished, tmp_path, "--what", "both").returncode == 0
    assert set(hub.put) == set(oids.values()) - sent_before
    assert set(hub.large) == set(oids.values())
    assert "adapter/adapter_model.safetensors" in hub.repos["me/model"].branches["main"]
    hub.put.clear()
    commits = len(hub.repos["me/model"].commits)
    assert push_here(hub, finished, tmp_path, "--what", "both").returncode == 0
    assert not hub.put
    assert len(hub.repos["me/model"].commits) == commits


def test_a_branch_or_a_pull_request_leaves_main_alone(hub: Hub, finished: Path, tmp_path: Path) -> None:
    assert push_here(hub, finished, tmp_path, "--what", "adapter", "--public").returncode == 0
    repo = hub.repos["me/model"]
    assert not repo.private
    main = dict(repo.branches["main"])
    assert "adapter_config.json" in main
    refused = push_here(hub, finished, tmp_path, "--branch", "next")
    assert (refused.returncode, list(repo.branches)) == (2, ["main"])
    assert "me/model: exists and is public; choose another repository, or pass --public" in refused.stderr
    assert push_here(hub, finished, tmp_path, "--public", "--branch", "next").returncode == 0
    assert push_here(hub, finished, tmp_path, "--public", "--create-pr").returncode == 0
    assert repo.branches["main"] == main
    assert "model.safetensors" in repo.branches["next"]
    assert "model.safetensors" in repo.branches["refs/pr/1"]


def test_a_repository_of_another_base_is_left_alone(hub: Hub, finished: Path, tmp_path: Path) -> None:
    theirs = {"README.md": b"---\nbase_model: other/base\ntags: [pgt-lora]\n---\n", "model.safetensors": b"weights"}
    hub.repos["me/model"] = Repo(False, {"main": dict(theirs)})
    done = push_here(hub, finished, tmp_path)
    assert done.returncode == 2
    assert "holds other/base" in done.stderr
    assert hub.repos["me/model"].branches["main"] == theirs
    hub.repos["me/model"] = Repo(True)  # made by hand just now, and empty
    assert push_here(hub, finished, tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("merged/model.safetensors", "changed since it was verified"),
        ("merged/chat_template.jinja", "changed since it was verified"),
        ("adapter/adapter_model.safetensors", "changed since it was verified"),
        ("merged/verification.json", "missing, so the merged model is not verified"),
    ],
)
def test_what_is_not_proven_is_not_pushed(file: str, message: str, hub: Hub, finished: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(finished, copy)
    if "verification" in file:
        (copy / file).unlink()
    else:
        with (copy / file).open("ab") as opened:
            opened.write(b" ")
    done = push_here(hub, copy, tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert not hub.repos


def test_scores_that_are_not_the_merged_models_are_caught(finished: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(finished, copy)
    scores = copy / "finetuned" / "pgt"
    lines = (scores / "predictions.jsonl").read_text().splitlines()
    flipped = [json.dumps(each | {"correct": not each["correct"]}) for each in map(json.loads, lines)]
    (scores / "predictions.jsonl").write_text("\n".join(flipped))
    merged = load_for_evaluation(checkpoint(copy / "merged"))
    assert check_scores([finished / "finetuned" / "pgt"], *merged, Rounding(0, 0)).passed
    assert not check_scores([scores], *merged, Rounding(0, 0)).passed
    summary = json.loads((scores / "scores.json").read_text())
    (scores / "scores.json").write_text(json.dumps(summary | {"content_hash": "another"}))
    with pytest.raises(InputError, match="no longer what"):
        check_scores([scores], *merged, Rounding(0, 0))


def test_a_failed_check_stops_the_push(hub: Hub, finished: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(finished, copy)
    proof = copy / "merged" / "verification.json"
    proof.write_text(proof.read_text().replace('"passed": true', '"passed": false'))
    assert "failed: files equal the base's" in push_here(hub, copy, tmp_path).stderr


def test_the_card_says_what_was_done_and_its_metadata_are_valid(hub: Hub, finished: Path, tmp_path: Path) -> None:
    assert push_here(hub, finished, tmp_path).returncode == 0
    card = ModelCard(hub.repos["me/model"].branches["main"]["README.md"].decode())
    assert card.data.license == "apache-2.0"
    assert card.data.library_name == "transformers"
    shown = {result.dataset_name: result.metric_value for result in card.data.eval_results}
    scores = read_scores(finished / "finetuned" / "pgt")
    assert shown == {f"Held-out PGT, {task}": round(score.accuracy, 4) for task, score in scores.items()}
    assert len(shown) > 1
    again = ModelCardData(**ModelCard(str(card)).data.to_dict(), ignore_metadata_errors=False)
    assert again.to_dict()["tags"] == card.data.tags
    for words in ("## Scores", "## Verification", "lora_r: 8", "32 samples", "weights are W + (α/r)·BA", "me/model"):
        assert words in card.text
    assert str(finished) not in str(card)
