"""What a pushed run shows is what was proven: its scores, the adapter's own processor, and the files themselves."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import psutil
import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.evaluation.evaluate import load_for_evaluation
from pgt_lora.evaluation.score_files import read_facts
from pgt_lora.export.behavior import check_scores
from pgt_lora.export.merge import status_of
from pgt_lora.export.record import is_as_proven
from pgt_lora.export.rounding import Rounding
from pgt_lora.export.verify import check_files, verify_and_report
from tests.support.checkpoints import checkpoint


def test_a_verification_ends_with_the_run_that_asked_for_it(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    # The child asks its parent to end, and would write a minute later.
    late = tmp_path / "late"
    text = f"import os, signal, time; os.kill({os.getpid()}, signal.SIGTERM); time.sleep(60); open(r'{late}', 'w')"
    with pytest.raises(SystemExit) as ended:
        status_of([sys.executable, "-c", text])
    assert ended.value.code == 128 + signal.SIGTERM
    assert not [each for each in psutil.Process().children() if "late" in " ".join(each.cmdline())]
    assert signal.getsignal(signal.SIGTERM) == before


def test_scores_are_held_to_their_outputs(finished: Path, tmp_path: Path) -> None:
    """What the card shows is added up once more: nobody can write a better accuracy, or other outputs, beside it."""
    shutil.copytree(finished, tmp_path / "run")
    scores, of_base = (tmp_path / "run" / stage / "pgt" for stage in ("finetuned", "base"))
    merged = load_for_evaluation(checkpoint(tmp_path / "run" / "merged"))
    assert check_scores([scores], *merged, Rounding(0, 0), [of_base]).passed
    facts = read_facts(of_base)
    task = next(iter(facts["tasks"]))
    facts["tasks"][task] |= {"num_correct": facts["tasks"][task]["num_samples"], "accuracy": 1.0}
    (of_base / "scores.json").write_text(json.dumps(facts))
    check = check_scores([scores], *merged, Rounding(0, 0), [of_base])
    assert not check.passed and "base/pgt: not what its outputs come to" in check.figures
    lines = [json.loads(line) for line in (scores / "predictions.jsonl").read_text().splitlines()]
    wrong = next(each for each in lines if not each["correct"])
    wrong["output"] = "banana"
    (scores / "predictions.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    check = check_scores([scores], *merged, Rounding(0, 0))
    assert "finetuned/pgt: not what" in check.figures or wrong["parsed"] is None


@pytest.mark.parametrize("file", ["chat_template.jinja", "processor_config.json"])
def test_an_adapter_that_brings_another_processor_is_a_fault(file: str, finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    base = Path(checkpoint(finished).base)
    assert check_files(base, tmp_path / "run" / "merged", adapter_dir=tmp_path / "run" / "adapter").passed
    path = tmp_path / "run" / "adapter" / file
    text = path.read_text()
    path.write_text(
        text.replace('"do_normalize": true', '"do_normalize": false') if file.endswith("json") else f"once more: {text}"
    )
    assert path.read_text() != text
    check = check_files(base, tmp_path / "run" / "merged", adapter_dir=tmp_path / "run" / "adapter")
    assert not check.passed and "the adapter's" in check.figures


def test_a_type_that_is_none_and_a_place_that_is_none_cost_no_proof(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    before = (tmp_path / "run" / "merged" / "verification.json").read_text()
    for merged, dtype, says in (("merged", "int8", "--dtype 'int8': unknown"), ("nowhere", None, "no such directory")):
        with pytest.raises(InputError, match=says):
            verify_and_report(tmp_path / "run" / merged, checkpoint(tmp_path / "run"), dtype)
    assert (tmp_path / "run" / "merged" / "verification.json").read_text() == before
    assert is_as_proven(tmp_path / "run")
    with (tmp_path / "run" / "merged" / "model.safetensors").open("ab") as file:
        file.write(b" ")
    assert not is_as_proven(tmp_path / "run")
