"""What a person types for a model is resolved once, and means one thing."""

import json
import shutil
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES
from pgt_lora.core.workspace import is_hub_id
from pgt_lora.models import checkpoint as checkpoint_module
from pgt_lora.models.checkpoint import adapter_checkpoint
from pgt_lora.models.names import distance, resolve
from pgt_lora.models.published import PUBLISHED, build_config


def test_a_recipe_by_name_and_by_path() -> None:
    for name in ("tiny-internvl3", str(RECIPES / "tiny-internvl3.yaml")):
        named = resolve(name, ["--lora_r", "4"])
        assert (named.recipe.name, named.recipe.model.lora_r) == ("tiny-internvl3", 4)
        assert named.checkpoint.base == named.recipe.base
        assert named.checkpoint.adapter_dir is None


def test_a_run_goes_by_its_own_recipe(tmp_path: Path, base_dir: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    values = resolve("tiny-qwen2.5-vl", ["--canvas", "224"]).recipe.values
    (run / "started.json").write_text(json.dumps({"recipe": dict(values)}))
    assert resolve(str(run)).recipe.kit.canvas == "224"
    with pytest.raises(InputError, match="not trained yet; finish it with: pgt-lora run "):
        _ = resolve(str(run)).checkpoint  # its base would answer in its place
    (run / "adapter").mkdir()
    (run / "adapter" / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base_dir)}))
    named = resolve(str(run), ["--lora_r", "2"])
    assert (named.recipe.name, named.recipe.kit.canvas, named.recipe.model.lora_r) == ("run", "224", 2)
    assert (named.checkpoint.base, named.checkpoint.adapter_dir) == (str(base_dir), run / "adapter")


def test_a_moved_run_finds_its_base_by_its_recipe(tmp_path: Path) -> None:
    config = {"base_model_name_or_path": str(tmp_path / "gone"), "revision": None}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    assert adapter_checkpoint(tmp_path).base == str(tmp_path / "gone")
    shutil.copy(RECIPES / "tiny-qwen2.5-vl.yaml", tmp_path / "recipe.yaml")
    assert adapter_checkpoint(tmp_path).base == resolve("tiny-qwen2.5-vl").recipe.base


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_hub_id_gets_its_own_recipe_and_asks_no_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_module, "reach", lambda *_: pytest.fail("the Hub is asked"))
    recipe = resolve(name, to_train=False).recipe
    assert recipe.values["model_name_or_path"] == name
    assert recipe.name == name.replace("/", "--")


def test_another_checkpoint_gets_the_recipe_of_its_family_that_is_nearest_in_size(tmp_path: Path) -> None:
    for name, batch in (("Qwen/Qwen2.5-VL-3B-Instruct", 4), ("llava-hf/llava-v1.6-mistral-7b-hf", 4)):
        copy = tmp_path / name.replace("/", "--")
        build_config(PUBLISHED[name]).save_pretrained(copy)
        recipe = resolve(str(copy), to_train=False).recipe
        own = resolve(name, to_train=False).recipe
        assert recipe.values | {"model_name_or_path": name} == own.values
        assert recipe.sft.per_device_train_batch_size == batch
    small, large = (build_config(PUBLISHED[f"OpenGVLab/InternVL3-{size}-hf"]) for size in ("1B", "14B"))
    assert distance(small, small) < distance(small, large)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("owner/name", True), ("owner/name.v2", True), ("runs/nothere", False), ("data/x", False), ("recipes/x", False),
        ("./a/b", False), ("../a", False), ("/a/b", False), ("~/b", False), ("a/b/c", False), ("a", False),
        ("a/", False), ("here/x", False),
    ],
)  # fmt: skip
def test_paths_and_hub_ids_are_told_apart(
    name: str, is_one: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert is_hub_id(name) is is_one
    if not is_one:
        with pytest.raises(InputError, match="not a recipe, run, adapter or checkpoint directory"):
            resolve(name)


def test_a_local_base_stays_itself_from_another_directory(
    base_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    shutil.copytree(base_dir, tmp_path / "models" / "foo")
    monkeypatch.chdir(tmp_path)
    named = resolve("models/foo", to_train=False)
    monkeypatch.chdir("/")
    assert Path(named.recipe.base) == Path(named.checkpoint.base) == tmp_path / "models" / "foo"
    (tmp_path / "docs").mkdir()  # a folder that the checkout has, too
    monkeypatch.chdir(tmp_path)
    assert resolve("tiny-qwen2.5-vl", ["--model_name_or_path", "docs"]).recipe.base == str(tmp_path / "docs")
