"""The benchmarks without lmms-eval: what it logged (version 0.7.3, on `benchmark_copies`) is read, counted and told."""

import json
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.plugins import discover
from pgt_lora.core.recipe import ROOT
from pgt_lora.core.terminal import console
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.mix.images import Shelf
from pgt_lora.data.sources.source import Settings
from pgt_lora.evaluation.evaluate import read_scores
from pgt_lora.evaluation.paired import Contrast
from pgt_lora.evaluation.paper import BENCHMARKS as COLUMNS
from pgt_lora.evaluation.scoring import wilson
from pgt_lora.export.verify import fingerprints
from pgt_lora.models.checkpoint import family
from pgt_lora.studies.benchmarks import harness, sets, whatsup
from pgt_lora.studies.benchmarks import subject as subject_module
from pgt_lora.studies.benchmarks.benchmark import Data, benchmark, check_family
from pgt_lora.studies.benchmarks.catalogue import BENCHMARKS, GROUPS, SUITES, choose, own
from pgt_lora.studies.benchmarks.reading import Item
from pgt_lora.studies.benchmarks.report import Reference, Report, print_report, write_report
from pgt_lora.studies.benchmarks.scores import (
    Estimate,
    by_group,
    estimate,
    leaves,
    published,
    read_items,
    set_up_differs,
)
from pgt_lora.studies.benchmarks.subject import Subject, differences, identity, image_limits, is_merged, opened
from pgt_lora.tiny import llava_next
from tests.benchmark_copies import write_annotations
from tests.test_cli import call

LOGS = Path(__file__).parent / "recorded" / "lmms_eval"
PRINTED = json.loads((LOGS / "model" / "recorded_results.json").read_text())["results"]
ADAPTERS = discover("pgt_lora.models.families", "ADAPTER")


def item(right: bool = True, category: str = "", group: str = "", **fields: Any) -> Item:
    values = {"id": group, "task": "t", "question": "q", "expected": "A", "output": "A", "parsed": "A"}
    values |= {"answer_format": "letter", "choices": ("A", "B"), **fields}
    return Item(correct=right, category=category, group=group, **values)


def logs_with(tmp_path: Path, task: str, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Copy the recorded log of one task with every item changed."""
    path = tmp_path / "logs" / "model" / f"x_samples_{task}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (LOGS / "model" / f"recorded_samples_{task}.jsonl").read_text().splitlines()
    logged = [json.loads(line) for line in lines]
    kept = [each for each in logged if change(each) is not False]
    path.write_text("".join(json.dumps(each) + "\n" for each in kept))
    return tmp_path / "logs"


# --- what there is ---


def test_the_thirteen_benchmarks_of_the_paper_are_there_once_each() -> None:
    assert tuple(each.column for each in BENCHMARKS.values() if each.column) == COLUMNS
    assert SUITES["paper"] == tuple(BENCHMARKS)
    tasks = list(chain.from_iterable(each.tasks for each in BENCHMARKS.values()))
    assert len(set(tasks)) == len(tasks)


def test_groups_are_made_of_benchmarks_and_their_categories() -> None:
    items = {name: read_items(each, LOGS) for name, each in BENCHMARKS.items()}
    for name in chain.from_iterable(GROUPS.values()):
        benchmark_name, _, category = name.partition(":")
        assert not category or category in {each.category for each in items[benchmark_name]}, name
    assert set(SUITES["general"]) == set(GROUPS["General"])
    assert SUITES["3d"] == ("cv-bench-3d", "blink")
    assert [each.name for each in choose("vsr, pope")] == ["vsr", "pope"]
    with pytest.raises(InputError, match=r"known suites: .*quick.*benchmarks: .*pope"):
        choose("vsr,popes")


# --- reading what was logged ---


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_recorded_log_is_read(name: str) -> None:
    each = BENCHMARKS[name]
    items = read_items(each, LOGS)
    assert {item.task for item in items} == {name}
    assert len({item.id for item in items}) == len(items) > 1
    assert all(item.question and item.expected for item in items)
    assert all(item.choices is None or item.expected in item.choices for item in items)
    (metric,) = {
        "cv_bench_2d": ("cv_bench_acc",), "cv_bench_3d": ("cv_bench_acc",), "mmvp": ("mmvp_pair_accuracy",),
        "mmstar": ("average",), "pope": ("pope_accuracy",), "realworldqa": ("exact_match",), "gqa": ("exact_match",),
        "ai2d": ("exact_match",),
    }.get(each.tasks[0], ("blink_acc" if "blink" in name else "accuracy",))  # fmt: skip
    values = [v for task in each.tasks for key, v in PRINTED[task].items() if key.partition(",")[0] == metric]
    assert len(values) == len(each.tasks)
    assert estimate([leaves(each, items)]).value == pytest.approx(sum(values) / len(values))


def test_a_dataset_directory_is_a_benchmark_whose_tasks_stand_apart() -> None:
    items = read_items(own("held-out"), LOGS)
    assert {item.task for item in items} >= {"held-out/counting", "held-out/distance"}
    assert estimate([leaves(own("held-out"), items)]).num_items == 12


def test_pope_counts_what_states_yes_or_no(tmp_path: Path) -> None:
    said = ["Yes.", "No", "no, there is not", "Yes, there is a box", "Yes and no", ""]
    logs = logs_with(tmp_path, "pope", lambda each: each.update(filtered_resps=said[each["doc_id"]]))
    items = read_items(BENCHMARKS["pope"], logs)
    assert [each.parsed for each in items] == ["yes", "no", "no", "yes", None, None]
    assert [each.expected for each in items] == ["yes", "no"] * 3
    assert [each.correct for each in items] == [True, True, False, False, False, False]


def test_mmvp_counts_pairs(tmp_path: Path) -> None:
    right = {0, 1, 2, 5}  # the first pair alone is whole
    logs = logs_with(
        tmp_path, "mmvp", lambda each: each["mmvp_pair_accuracy"].update(is_correct=each["doc_id"] in right)
    )
    items = read_items(BENCHMARKS["mmvp"], logs)
    assert [each.correct for each in items] == [True, False, False]
    assert [each.expected for each in items] == ["A B"] * 3
    assert len(items[0].choices or ()) == 4
    logs = logs_with(tmp_path, "mmvp", lambda each: each["doc_id"] < 3)
    with pytest.raises(InputError, match="pair 1 has 1 of its 2 questions; give an even --limit"):
        read_items(BENCHMARKS["mmvp"], logs)


def test_mmstar_is_the_mean_over_its_l2_categories(tmp_path: Path) -> None:
    scores = [1.0, 1.0, 0.0, 0.0, 1.0, 0.0]  # counting 1 of 1, recognition 1 of 3, geometry 1 of 2
    logs = logs_with(tmp_path, "mmstar", lambda each: each["average"].update(score=scores[each["doc_id"]]))
    items = read_items(BENCHMARKS["mmstar"], logs)
    assert estimate([leaves(BENCHMARKS["mmstar"], items)]).value == pytest.approx((1 + 1 / 3 + 1 / 2) / 3)


def test_what_the_model_failed_on_is_not_taken_for_wrong(tmp_path: Path) -> None:
    def fail(each: dict[str, Any]) -> None:
        each.update(filtered_resps="", token_counts=[None])

    with pytest.raises(InputError, match=r"pope: the model failed on 6 items \(first: 0\)"):
        read_items(BENCHMARKS["pope"], logs_with(tmp_path, "pope", fail))
    with pytest.raises(InputError, match="no log of gqa"):
        read_items(BENCHMARKS["gqa"], tmp_path / "logs")


# --- scores ---


def test_a_single_share_has_the_interval_of_every_other_score() -> None:
    items = [item(index < 30, group=str(index)) for index in range(40)]
    assert estimate([[items]]) == Estimate(0.75, *wilson(30, 40), 40)


def test_means_weigh_parts_alike_and_within_them_leaves_alike() -> None:
    def some(right: int, wrong: int, name: str) -> list[Item]:
        return [item(index < right, group=f"{name}{index}") for index in range(right + wrong)]

    found = estimate([[some(10, 0, "a")], [some(0, 30, "b"), some(10, 10, "c")]])
    assert found.value == pytest.approx((1 + (0 + 0.5) / 2) / 2)
    assert found.low <= found.value <= found.high
    assert found.num_items == 60


def test_items_of_one_image_count_together() -> None:
    apart = [item(index % 2 == 0, group=str(index)) for index in range(200)]
    together = [replace(each, group=str(int(each.group) // 20 * 2 + int(each.group) % 2)) for each in apart]
    other = [item(group=f"other{index}") for index in range(200)]
    widths = [(found := estimate([[each], [other]])).high - found.low for each in (apart, together)]
    assert widths[1] > 2 * widths[0]


def test_a_group_is_told_only_where_all_its_parts_were_run() -> None:
    items = {name: read_items(BENCHMARKS[name], LOGS) for name in SUITES["3d"]}
    (found,) = by_group(items, BENCHMARKS).items()
    assert found[0] == "3D/Depth"
    assert found[1].num_items == 6 + 6  # of BLINK the depth alone
    del items["blink"]
    assert by_group(items, BENCHMARKS) == {}


QWEN = "Qwen/Qwen2.5-VL-3B-Instruct"


def test_the_paper_stands_beside_the_models_that_it_reports() -> None:
    assert published(QWEN, "MMVP") == pytest.approx({"base": 0.373, "pgt": 0.453, "specialized-mix": 0.42})
    assert published("Qwen/Qwen2.5-VL-72B-Instruct", "MMVP") == {}
    assert published(QWEN, None) == {}


def report(tuned: bool, **scores: tuple[float, float, float]) -> Report:
    facts = {
        "base": QWEN, "tuned": tuned, "limit": None, "input_differs": [], "image_limits": {"min_pixels": 1},
        "backend": "hf", "batch_size": 1, "versions": {"lmms-eval": "0.7.3"},
    }  # fmt: skip
    found = {name: Estimate(*values, 100) for name, values in scores.items()}
    return Report(
        "mine", {name: BENCHMARKS[name] for name in scores}, found, {"General": Estimate(0.5, 0.4, 0.6, 9)}, facts
    )


def test_a_base_that_scores_otherwise_than_in_the_paper_is_pointed_out_first(tmp_path: Path) -> None:
    assert not set_up_differs(Estimate(0.40, 0.38, 0.4196, 99), 0.42)  # the paper rounds
    assert set_up_differs(Estimate(0.40, 0.38, 0.41, 99), 0.42)
    found = report(False, mmvp=(0.37, 0.33, 0.41), pope=(0.70, 0.68, 0.72))
    assert found.warnings[0].startswith("The base scores otherwise here than in the paper")
    assert "pope 70.0 (paper 87.5)" in found.warnings[0]
    assert "mmvp 37" not in found.warnings[0]
    with console.capture() as captured:
        print_report(found)
    shown = captured.get()
    assert shown.startswith("The base scores otherwise")
    assert "pope ≠" in shown
    assert "87.5" in shown
    write_report(found, tmp_path)
    page = (tmp_path / "report.md").read_text()
    assert page.index("The base scores otherwise") < page.index("| pope ≠ | 100 | 70.0 |")
    assert "| paper: base | paper: pgt | paper: specialized-mix |" in page
    assert "| General | 9 | 50.0 | 40.0–60.0 | gqa, ai2d, pope" in page


def test_of_a_trained_model_it_is_said_how_to_see_whether_the_set_up_differs() -> None:
    found = report(True, pope=(0.70, 0.68, 0.72))
    assert not found.differs("pope")
    assert f"pgt-lora benchmark {QWEN}" in found.warnings[0]


def test_the_base_given_as_reference_shows_whether_the_set_up_differs() -> None:
    scores = {"pope": Estimate(0.70, 0.68, 0.72, 100)}
    for is_base in (True, False):
        reference = Reference("other", is_base, scores, Contrast("mine", "other", "Benchmarks", ()))
        found = replace(report(True, pope=(0.875, 0.86, 0.89)), reference=reference)
        assert found.differs("pope") == is_base
        assert ("pope 70.0 (paper 87.5)" in found.warnings[0]) == is_base


def test_blink_says_what_serves_as_relational() -> None:
    assert any("Spatial_Relation serves" in each for each in report(False, blink=(0.676, 0.6, 0.7)).warnings)


# --- the model and the command line ---


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return Subject(tmp_path / "checkpoint", ADAPTERS["qwen2_5_vl"], QWEN, False)


def words_of(subject: Subject, limits: dict[str, int] | None = None, **fields: Any) -> str:
    settings = harness.Settings(**fields)
    return " ".join(
        harness.command("python", subject, settings, ["pope", "pgt_vsr"], limits or {}, Path("tasks"), Path("out"))
    )


def test_the_command_line_says_everything(subject: Subject) -> None:
    path = subject.directory
    said = words_of(subject, {"min_pixels": 3136, "max_pixels": 200704}, processes=1, batch_size=8, limit=10)
    assert said.startswith("python -m pgt_lora.studies.benchmarks.entry --model qwen2_5_vl --model_args ")
    assert (
        f"--model_args pretrained={path},min_pixels=3136,max_pixels=200704,device_map=auto --tasks pope,pgt_vsr" in said
    )
    assert "--gen_kwargs temperature=0,do_sample=False,repetition_penalty=1.0 --batch_size 8 --limit 10" in said
    assert "--include_path tasks" in said and "--log_samples --output_path out" in said
    on_cpu = words_of(subject)
    assert "device=cpu,device_map=cpu" in on_cpu
    assert "--limit" not in on_cpu


def test_several_gpus_are_accelerates(subject: Subject) -> None:
    said = words_of(subject, processes=4)
    assert "accelerate.commands.launch --config_file" in said
    assert "--num_processes 4 -m pgt_lora.studies.benchmarks.entry" in said
    assert "device" not in said.partition("--model_args ")[2].partition(" ")[0]
    vllm = words_of(subject, processes=4, backend="vllm", batch_size=64)
    assert vllm.startswith("python -m pgt_lora.studies.benchmarks.entry --model vllm --model_args model=")
    assert "tensor_parallel_size=4" in vllm


def test_what_cannot_be_run_is_refused(subject: Subject, tmp_path: Path) -> None:
    for name in ("internvl3", "llava_next"):
        with pytest.raises(InputError, match="one question at a time"):
            harness.check(harness.Settings(batch_size=2), ADAPTERS[name])
        harness.check(harness.Settings(batch_size=2, backend="vllm"), ADAPTERS[name])
    with pytest.raises(InputError, match="takes no path"):
        words_of(replace(subject, directory=tmp_path / "a,b"))
    for settings, says in (
        (harness.Settings(backend="sglang"), "known: hf, vllm"),
        (harness.Settings(limit=0), "--limit 0"),
        (harness.Settings(batch_size=0), "--batch-size 0"),
        (harness.Settings(hub_copies=tmp_path / "none"), "no such directory"),
    ):
        with pytest.raises(InputError, match=says):
            harness.check(settings, ADAPTERS["qwen2_5_vl"])


@pytest.mark.parametrize(
    ("model", "limits"),
    [
        ("tiny-qwen2.5-vl", {"min_pixels": 3136, "max_pixels": 200704}),
        ("tiny-internvl3", {"min_patches": 1, "max_patches": 12}),
    ],
)
def test_image_limits_are_the_processors_and_differences_are_told(model: str, limits: dict[str, int]) -> None:
    directory = ROOT / "data" / model
    assert image_limits(directory) == limits
    subject = Subject(directory, family(str(directory)), "base", False)
    told = " ".join(differences(subject, "hf"))
    assert "it computes in bfloat16, while the checkpoint is float32" in told
    assert ("multiples of 28 pixels" in told) == ("qwen" in model)
    assert differences(subject, "vllm") == []


def test_a_special_token_that_is_doubled_or_missing_is_told(tmp_path: Path) -> None:
    processor = llava_next.build_processor()
    llava_next.build_model(processor).config.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    subject = Subject(tmp_path, ADAPTERS["llava_next"], "base", False)
    assert image_limits(tmp_path) == {}
    assert differences(subject, "hf") == []
    assert differences(subject, "vllm") == ["its prompts have -1 special token(s)"]
    processor.chat_template = "{{ bos_token }}" + processor.chat_template
    processor.save_pretrained(tmp_path)
    assert differences(subject, "hf") == ["its prompts have +1 special token(s)"]
    assert differences(subject, "vllm") == []


def test_a_checkpoints_own_sampling_and_penalty_do_not_count(base_dir: Path, tmp_path: Path) -> None:
    copy = tmp_path / "base"
    shutil.copytree(base_dir, copy)
    config = json.loads((copy / "generation_config.json").read_text())
    own_config = config | {"repetition_penalty": 1.05, "temperature": 0.1, "do_sample": True}
    (copy / "generation_config.json").write_text(json.dumps(own_config))
    with opened(str(copy), tmp_path / "beside") as found:
        seen = json.loads((found.directory / "generation_config.json").read_text())
        assert seen == config | {"do_sample": False}
        assert {path.name for path in found.directory.iterdir()} == {path.name for path in copy.iterdir()}
        assert (found.base, found.tuned, found.adapter.name) == (str(copy), False, "qwen2_5_vl")
    assert list((tmp_path / "beside").iterdir()) == []
    assert json.loads((copy / "generation_config.json").read_text()) == own_config


def test_an_adapter_is_merged_where_it_is_not_merged_yet(
    base_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, merges = tmp_path / "run", []

    def merge(adapter: str, out: Path) -> None:  # the real one is tested where lmms-eval is
        merges.append(adapter)
        shutil.copytree(base_dir, out)

    monkeypatch.setattr(subject_module, "merge", merge)
    (run / "adapter").mkdir(parents=True)
    (run / "adapter" / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base_dir)}))
    with opened(str(run), tmp_path / "beside") as found:
        assert (found.base, found.tuned) == (str(base_dir), True)
        assert (found.directory / "model.safetensors").is_file()
    assert list((tmp_path / "beside").iterdir()) == []
    assert merges == [str(run / "adapter")]
    shutil.copytree(base_dir, run / "merged")
    proof = {"passed": True, "sha256": {name: fingerprints(run / name) for name in ("adapter", "merged")}}
    (run / "merged" / "verification.json").write_text(json.dumps(proof))
    for name in (run, run / "merged"):
        with opened(str(name), tmp_path / "beside") as found:
            assert (found.directory / "model.safetensors").resolve() == run / "merged" / "model.safetensors"
            assert (found.base, found.tuned) == (str(base_dir), True)
    assert len(merges) == 1
    trained_on = {"data": {"sources": {"vsr": {"family": "zeroshot"}, "pgt": {}}}}
    (run / "adapter" / "run.json").write_text(json.dumps(trained_on))
    check_family(str(run), {"vsr": BENCHMARKS["vsr"]}, "zeroshot")
    check_family(str(run), {"pope": BENCHMARKS["pope"]}, "random")
    with pytest.raises(InputError, match="pass --vsr-split zeroshot"):
        check_family(str(run), {"vsr": BENCHMARKS["vsr"]}, "random")
    before = identity(str(run))
    (run / "adapter" / "adapter_model.safetensors").write_bytes(b"trained again")
    assert not is_merged(run / "adapter")
    assert identity(str(run)) != before


# --- the sets that this project asks itself ---


def test_whatsup_is_shuffled_the_same_way_every_time(tmp_path: Path) -> None:
    pairs = [[number, f"right {number}", f"wrong {number}"] for number in range(1, 201)]
    path = tmp_path / "coco_qa_one_obj.json"
    path.write_text(json.dumps(pairs))
    rows = whatsup.read(path, "test", Settings()).rows
    asked = [sets.ask_row(whatsup.SOURCE, 0, row, []) for row in rows]
    assert [each.answer for each in asked] == [sets.ask_row(whatsup.SOURCE, 0, row, []).answer for row in rows]
    assert 70 < sum(each.answer == "A" for each in asked) < 130  # 30 apart from half of 200 is more than four sigmas
    for row, each in zip(rows, asked, strict=True):
        assert f"{each.answer}. right {int(row.group.partition(':')[2])}\n" in each.question
    assert rows[0].images[0].path == "val2017/000000000001.jpg"
    path.write_text(json.dumps([[1, "right"]]))
    with pytest.raises(InputError, match=r"row 1: \[1, 'right'\] is not"):
        whatsup.read(path, "test", Settings())


def test_sets_are_dataset_directories_in_the_cache(tmp_path: Path) -> None:
    given = write_annotations(tmp_path)
    shelf = Shelf(tmp_path / "cache", tmp_path / "images")
    made = {name: sets.build(name, given[name], Settings(), shelf, None) for name in sets.SOURCES}
    rows = {name: open_dataset(path).to_list() for name, path in made.items()}
    assert {name: len(each) for name, each in rows.items()} == {"whatsup": 4, "vsr": 4, "tallyqa": 3}
    assert [row["answer"] for row in rows["vsr"]] == ["True", "False", "True", "False"]
    assert [row["answer"] for row in rows["tallyqa"]] == ["2", "0", "1"]
    assert all(row["prompt"][0]["content"].endswith("Answer with the number directly") for row in rows["tallyqa"])
    assert {row["answer_format"] for row in rows["whatsup"]} == {"letter"}
    stamp = (made["vsr"] / "manifest.json").stat().st_mtime_ns
    assert sets.build("vsr", given["vsr"], Settings(), shelf, None) == made["vsr"]
    assert (made["vsr"] / "manifest.json").stat().st_mtime_ns == stamp
    few = sets.build("vsr", given["vsr"], Settings(), shelf, 2)
    assert few != made["vsr"]
    assert {row["id"] for row in open_dataset(few)} < {row["id"] for row in rows["vsr"]}
    shutil.rmtree(tmp_path / "images" / "val2017")
    shutil.rmtree(tmp_path / "images" / "train2017")
    with pytest.raises(InputError, match=r"row vsr-test-.* is missing.*--image-root"):
        sets.build("vsr", given["vsr"], Settings(), shelf, 3)


# --- the whole command, with an lmms-eval that gives what was recorded ---

STAND_IN = """#!{python}
import pathlib, shutil, sys
with open({calls!r}, "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
if "-c" in sys.argv:
    print(*("0.7.3" for _ in sys.argv[sys.argv.index("-c") + 2:]))
elif {works}:
    shutil.copytree({logs!r}, sys.argv[sys.argv.index("--output_path") + 1])
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Put a program in lmms-eval's place; return a function that sets how it behaves and returns its runs so far."""
    path, calls = tmp_path / "lmms-eval", tmp_path / "calls"
    monkeypatch.setenv(harness.PYTHON_VARIABLE, str(path))

    def behave(logs: Path = LOGS, works: bool = True) -> list[str]:
        path.write_text(STAND_IN.format(python=sys.executable, calls=str(calls), logs=str(logs), works=works))
        path.chmod(path.stat().st_mode | stat.S_IEXEC)
        return [line for line in calls.read_text().splitlines() if "--tasks" in line] if calls.exists() else []

    behave()
    return behave


def test_the_whole_command(
    stand_in: Callable[..., list[str]], base_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Data("pope,mmvp,blink", [], Shelf(tmp_path / "cache"))
    report = benchmark(str(base_dir), data, tmp_path / "a", harness.Settings())
    assert list(report.scores) == ["blink", "mmvp", "pope"]
    summary = json.loads((tmp_path / "a" / "scores.json").read_text())
    assert summary["benchmarks"]["mmvp"]["rule"] == "pairs"
    assert summary["benchmarks"]["blink"]["value"] == report.scores["blink"].value
    assert summary["image_limits"] == {"min_pixels": 3136, "max_pixels": 200704}
    assert summary["generation"] == {"do_sample": False, "repetition_penalty": 1.0}
    scores = read_scores(tmp_path / "a")
    assert {name: score.num_samples for name, score in scores.items()} == {"blink": 18, "mmvp": 3, "pope": 6}
    assert scores["mmvp"].chance == 0.25
    lines = [json.loads(line) for line in (tmp_path / "a" / "predictions.jsonl").open()]
    assert sum(line["correct"] for line in lines) == sum(score.num_correct for score in scores.values())
    # The same command reads again and runs nothing; another one is refused, and replaces with --overwrite alone.
    benchmark(str(base_dir), data, tmp_path / "a", harness.Settings())
    assert len(stand_in()) == 1
    with pytest.raises(InputError, match="exists; choose another directory or pass --overwrite"):
        benchmark(str(base_dir), data, tmp_path / "a", harness.Settings(limit=2))
    benchmark(str(base_dir), data, tmp_path / "a", harness.Settings(limit=2), overwrite=True)
    assert len(stand_in()) == 2
    with pytest.raises(InputError, match="MMVP counts pairs"):
        benchmark(str(base_dir), data, tmp_path / "b", harness.Settings(limit=3))
    (tmp_path / "a" / "asked.json").unlink()
    with pytest.raises(InputError, match="not a benchmark's directory"):
        benchmark(str(base_dir), data, tmp_path / "a", harness.Settings(), overwrite=True)
    with pytest.raises(InputError, match=r"no predictions\.jsonl; make it with"):
        benchmark(str(base_dir), data, tmp_path / "b", harness.Settings(), reference=tmp_path / "none")
    stand_in(works=False)
    with pytest.raises(InputError, match="ended without results"):
        benchmark(str(base_dir), data, tmp_path / "b", harness.Settings())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "calls", "lmms-eval"]


def test_two_models_are_compared_item_by_item(
    stand_in: Callable[..., list[str]], base_dir: Path, tmp_path: Path
) -> None:
    data = Data("pope,ai2d", [], Shelf(tmp_path / "cache"))
    benchmark(str(base_dir), data, tmp_path / "before", harness.Settings())
    shutil.copytree(LOGS / "model", tmp_path / "logs" / "model")
    lines = (LOGS / "model" / "recorded_samples_pope.jsonl").read_text().splitlines()
    better = [json.loads(line) for line in lines]
    text = "".join(json.dumps(each | {"filtered_resps": each["target"].title() + "."}) + "\n" for each in better)
    (tmp_path / "logs" / "model" / "recorded_samples_pope.jsonl").write_text(text)
    stand_in(tmp_path / "logs")
    report = benchmark(str(base_dir), data, tmp_path / "after", harness.Settings(), reference=tmp_path / "before")
    assert report.reference is not None
    contrast = report.reference.contrast
    rows = {row.task: row for row in contrast.rows}
    assert (contrast.arm, contrast.reference, report.reference.is_base) == ("after", "before", True)
    assert report.reference.scores["pope"].value == 0
    assert (rows["pope"].value, rows["pope"].won, rows["pope"].lost) == (1.0, 6, 0)
    assert (rows["ai2d"].value, rows["ai2d"].won) == (0.0, 0)
    assert "## after minus before" in (tmp_path / "after" / "report.md").read_text()
    assert "| pope | 6 | 100.0 |" in (tmp_path / "after" / "report.md").read_text()
    other = Data("gqa", [], Shelf(tmp_path / "cache"))
    with pytest.raises(InputError, match="not the items"):
        benchmark(str(base_dir), other, tmp_path / "other", harness.Settings(), reference=tmp_path / "before")


def test_the_command_line_reports_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], base_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    monkeypatch.delenv(harness.PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(harness, "ROOT", tmp_path)
    monkeypatch.setattr(harness, "find_spec", lambda name: None)
    for words, says in (
        (("--suite", "pope"), "make lmms-eval-setup"),
        (("--suite", "papers"), "known suites"),
        (("--suite", "pope", "--annotations", "gqa=x"), "known: tallyqa, vsr, whatsup"),
        (("--data", data_dir, "--data", data_dir), "rename it"),
    ):
        status, error = call(monkeypatch, capsys, "benchmark", base_dir, "--out", tmp_path / "out", *words)
        assert (status, error.count("\n")) == (2, 1)
        assert says in error
    monkeypatch.setattr(harness, "find_spec", lambda name: name)
    with pytest.raises(
        InputError, match="needed there: lmms-eval, pgt-lora, transformers, vllm; run: make lmms-eval-setup"
    ):
        harness.find_python("vllm")
    monkeypatch.setenv(harness.PYTHON_VARIABLE, str(tmp_path / "python"))
    with pytest.raises(InputError, match="cannot be run"):
        harness.find_python("hf")
    assert not (tmp_path / "out").exists()
