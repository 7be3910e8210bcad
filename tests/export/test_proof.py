"""What a verification wrote down proves what was measured, whole, and nothing else."""

import json
import shutil
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.export import verify as verify_module
from pgt_lora.export.push import check_proven
from tests.support.checkpoints import checkpoint


def test_a_file_that_is_replaced_meanwhile_is_not_certified(
    run: Path, merged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(merged, tmp_path / "merged"))
    (copy / "verification.json").unlink()
    monkeypatch.setattr(verify_module, "verify", lambda *_: (copy / "config.json").write_text("{}") and [])
    with pytest.raises(InputError, match=r"config\.json: changed while .* was verified, so nothing is proven"):
        verify_module.verify_and_report(copy, checkpoint(run))
    assert not (copy / "verification.json").exists()


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda proof: proof.pop("sha256"), "not a record"),
        (lambda proof: proof["sha256"].clear(), "no hashes"),
        (lambda proof: proof["sha256"].pop("finetuned/pgt"), "no hashes of finetuned/pgt"),
        (lambda proof: proof["sha256"]["merged"].popitem(), "changed since"),
        (lambda proof: proof["checks"].pop(0), "every check exactly once"),
        (lambda proof: proof["checks"].append(proof["checks"][0]), "every check exactly once"),
        (lambda proof: proof["checks"][2].update(passed="false"), "failed"),
        (lambda proof: proof["checks"][2].update(passed=1), "failed"),
        (lambda proof: proof.update(passed="true"), "all passed"),
    ],
)
def test_a_proof_with_a_gap_proves_nothing(edit: object, words: str, finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    record = tmp_path / "run" / "merged" / "verification.json"
    proof = json.loads(record.read_text())
    assert len(check_proven(tmp_path / "run")) > 10
    edit(proof)  # type: ignore[operator]
    record.write_text(json.dumps(proof))
    with pytest.raises(InputError, match=words):
        check_proven(tmp_path / "run")


def test_scores_that_were_edited_are_not_pushed(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    with (tmp_path / "run" / "base" / "pgt" / "scores.json").open("a") as file:
        file.write(" ")
    with pytest.raises(InputError, match=r"scores\.json: changed since"):
        check_proven(tmp_path / "run")
