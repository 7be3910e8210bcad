"""What `import pgt_lora` offers: loaded when it is asked for, documented, and enough for a first run."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import pgt_lora


def test_importing_it_loads_nothing() -> None:
    code = (
        "import sys, pgt_lora\n"
        "heavy = {'torch', 'transformers', 'datasets', 'PIL', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert 'finetune' in dir(pgt_lora) or 'finetune' in pgt_lora.__all__\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_name_is_there_and_documented() -> None:
    assert len(pgt_lora.__all__) >= 10
    for name in pgt_lora.__all__:
        assert inspect.getdoc(getattr(pgt_lora, name)), name
    with pytest.raises(AttributeError, match="no attribute 'fine_tune'"):
        pgt_lora.fine_tune  # noqa: B018


def test_a_first_run_in_python(base_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    recipe = pgt_lora.load_recipe(
        "tiny-qwen2.5-vl", model_name_or_path=str(base_dir), max_steps=2, global_batch_size=8,
        per_device_train_batch_size=8, max_new_tokens=4,
    )  # fmt: skip
    assert (recipe.sft.max_steps, recipe.base) == (2, str(base_dir))
    adapter = pgt_lora.finetune(recipe, data_dir, tmp_path / "run")
    assert (adapter / "adapter_config.json").is_file()
    scores = pgt_lora.evaluate(tmp_path / "run", data_dir, tmp_path / "scores")
    assert sum(score.num_samples for score in scores.values()) == 32
    assert (tmp_path / "scores" / "scores.json").is_file()
    row = pgt_lora.open_dataset(data_dir)[0]
    image = tmp_path / "image.png"
    image.write_bytes(row["images"][0]["bytes"])
    answers = pgt_lora.ask(tmp_path / "run", [image], row["prompt"][0]["content"], base=True, max_new_tokens=4)
    assert set(answers) == {"answer", "base_answer"}
    lines = (tmp_path / "scores" / "predictions.jsonl").read_text().splitlines()
    assert answers["answer"] == json.loads(lines[0])["output"].strip()
    with pytest.raises(pgt_lora.InputError, match="not a dataset directory"):
        pgt_lora.finetune(recipe, tmp_path / "nothing", tmp_path / "other")
