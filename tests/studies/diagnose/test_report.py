"""The diagnosis as a page."""

import json
from pathlib import Path

import pytest

from pgt_lora.core.terminal import console
from pgt_lora.data.directory import read_manifest, write_manifest, write_samples
from pgt_lora.studies.diagnose.charts import misses
from pgt_lora.studies.diagnose.report import print_diagnosis, write_pages
from pgt_lora.tiny.skills import skill_samples
from tests.support import planted
from tests.support.diagnoses import planted_diagnosis


@pytest.mark.parametrize("model", [planted.first_option, planted.mute, planted.knows, planted.dice])
def test_the_page_shows_verdicts_charts_and_the_worst_images(
    probe_dir: Path, tmp_path: Path, model: planted.Model
) -> None:
    diagnosis = planted_diagnosis(probe_dir, model)
    with console.capture() as capture:
        print_diagnosis(diagnosis)
    write_pages(diagnosis, tmp_path)
    page = (tmp_path / "diagnosis.html").read_text(encoding="utf-8")
    told = json.loads((tmp_path / "diagnosis.json").read_text(encoding="utf-8"))
    for line in diagnosis.headline:
        assert line in page.replace("&#39;", "'")
        assert line in capture.get()
    assert told["headline"] == diagnosis.headline
    for task, verdict in diagnosis.verdicts.items():
        assert f'{task} <span class="badge">{verdict.kind}</span>' in page
    worst = misses(diagnosis.result.items, diagnosis.items)
    assert page.count('<article class="card"') == len(worst) == (0 if model is planted.knows else 18)
    assert all(not each["correct"] for miss in worst for each in miss.made) or model is not planted.mute
    if model is planted.knows:
        assert "Accuracy by gap between the boxes" in page
        assert "Accuracy by color pair" in page
        assert page.count("Accuracy over the image</h4>") == len(diagnosis.skills)
    if model is planted.mute:
        assert "<svg" not in page


def test_any_dataset_is_diagnosed_as_far_as_its_rows_allow(data_dir: Path, tmp_path: Path) -> None:
    (skills := tmp_path / "skills").mkdir()
    write_manifest(skills, {}, write_samples(skills, skill_samples(48)))
    for data in (data_dir, skills):
        diagnosis = planted_diagnosis(data, planted.first_option)
        write_pages(diagnosis, tmp_path)
        assert {skill.task for skill in diagnosis.skills} == set(read_manifest(data)["counts"])
        assert not any(skill.agreements for skill in diagnosis.skills)
    assert not any(drawn.axes or drawn.map for drawn in diagnosis.drawn.values())


def test_an_empty_answer_is_shown_as_nothing(probe_dir: Path, tmp_path: Path) -> None:
    write_pages(planted_diagnosis(probe_dir, lambda row: ""), tmp_path)
    assert "(nothing)" in (tmp_path / "diagnosis.html").read_text(encoding="utf-8")
