import base64
import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.core.new_directory import new_directory
from pgt_lora.data.directory import MANIFEST, open_dataset, write_manifest, write_samples
from pgt_lora.data.generate import generate
from pgt_lora.data.preview import Audit, charts, first_of_each, write_preview
from pgt_lora.data.sample import Sample, parse_point
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.weights import parse_weights


def image_file(shade: int, file_format: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, shade, shade)).save(file, file_format)
    return file.getvalue()


def sample(index: int, answer: str, task: str = "relation", answer_format: str = "text", **changed: object) -> Sample:
    values = {
        "id": f"made-{index}",
        "images": (image_file(index),),
        "question": f"Question {index}?",
        "answer": answer,
        "source": "made",
        "task": task,
        "template": "A",
        "answer_format": answer_format,
        "group": f"made-{index}",
    }
    return Sample(**(values | changed))


def page_of(tmp_path: Path, samples: list[Sample], **options: object) -> str:
    directory = tmp_path / "made"
    with new_directory(directory) as partial:
        write_manifest(partial, {"seed": 7}, write_samples(partial, samples))
    write_preview(directory, tmp_path / "page.html", **options)
    return (tmp_path / "page.html").read_text(encoding="utf-8")


def bars(page: str) -> list[tuple[str, float, int, float]]:
    """Return (answer, width, count, percent) of every bar."""
    pattern = r'"label" title=".*?">(.*?)</span>.*?width="([\d.]+)%".*?<b>([\d,]+)</b> ([\d.]+)%'
    return [
        (label, float(width), int(count), float(percent)) for label, width, count, percent in re.findall(pattern, page)
    ]


def stored(page: str) -> list[bytes]:
    return [base64.b64decode(text) for text in re.findall(r'src="data:image/\w+;base64,([^"]+)"', page)]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("preview") / "pgt"
    generate(directory, num_samples=40, seed=0, settings=TaskSettings(canvas=Canvas(112, 112)))
    return directory


def test_page_of_a_generated_dataset(generated: Path, tmp_path: Path) -> None:
    out = tmp_path / "pages" / "index.html"
    write_preview(generated, out)
    page = out.read_text(encoding="utf-8")
    manifest = json.loads((generated / MANIFEST).read_text(encoding="utf-8"))
    assert set(manifest["counts"]) == set(parse_weights("families"))
    for task, count in manifest["counts"].items():
        assert f'href="#task={task}" data-task="{task}"' in page
        assert page.count(f'<article class="card" data-task="{task}"') == count
        assert re.search(rf'>{task}</span></th><td class="number">{count}</td>.*>{manifest["rejections"][task]}<', page)
    assert manifest["content_hash"] in page
    assert "112x112" in page
    assert list(out.parent.iterdir()) == [out]


def test_page_needs_nothing_but_itself(generated: Path, tmp_path: Path) -> None:
    write_preview(generated, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    targets = re.findall(r"""(?:src|href|srcset|action|data)\s*=\s*["']?([^"'\s>]*)""", page)
    assert targets
    assert all(target.startswith(("data:image/", "#")) for target in targets)
    assert not re.search(r"<link|<iframe|<script[^>]+src|@import|url\(|fetch\(|://", page)


def test_page_is_the_same_each_time_and_replaces_an_older_one(generated: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    out.write_text("older")
    write_preview(generated, out)
    first = out.read_bytes()
    write_preview(generated, out)
    assert out.read_bytes() == first != b"older"


def test_images_are_the_stored_bytes(generated: Path, tmp_path: Path) -> None:
    write_preview(generated, tmp_path / "page.html")
    images = stored((tmp_path / "page.html").read_text(encoding="utf-8"))
    rows = open_dataset(generated).to_list()
    assert len(images) == len(rows)
    assert sorted(images) == sorted(row["images"][0]["bytes"] for row in rows)


def test_several_images_and_jpeg(tmp_path: Path) -> None:
    images = (image_file(1, "JPEG"), image_file(2))
    page = page_of(tmp_path, [sample(0, "yes", images=images)])
    assert stored(page) == list(images)
    assert "data:image/jpeg;" in page
    assert "data:image/png;" in page


def test_bars_match_the_counts(tmp_path: Path) -> None:
    answers = ["left"] * 5 + ["right"] * 2 + ["above"]
    page = page_of(tmp_path, [sample(i, answer) for i, answer in enumerate(answers)], num_images=1)
    assert bars(page) == [("above", 20, 1, 12.5), ("left", 100, 5, 62.5), ("right", 40, 2, 25)]
    assert float(re.search(r'x1="([\d.]+)%".*?stroke-dasharray', page)[1]) == pytest.approx(100 * 8 / 3 / 5, abs=0.05)


def test_numbers_stand_in_order_and_templates_apart(tmp_path: Path) -> None:
    samples = [sample(i, str(n), "counting", "number") for i, n in enumerate([10, 9, 2])]
    samples.append(sample(3, "B", "counting", "letter", template="B"))
    page = page_of(tmp_path, samples)
    assert [label for label, *_ in bars(page)] == ["2", "9", "10", "B"]
    assert page.count('<figure class="chart">') == 2


def test_rare_answers_share_a_bar(tmp_path: Path) -> None:
    page = page_of(tmp_path, [sample(i, f"text {i}") for i in range(30)] + [sample(30, "text 29")], num_images=1)
    shown = bars(page)
    assert len(shown) == 21
    assert shown[-1][0] == "10 others"
    assert sum(count for _, _, count, _ in shown) == 31
    assert "stroke-dasharray" not in page


def test_points_are_a_heat_map(tmp_path: Path) -> None:
    places = ["(0.00, 0.00)", "(0.26, 0.51)", "(0.29, 0.54)", "(1.00, 1.00)"]
    page = page_of(tmp_path, [sample(i, place, "coordinates", "point") for i, place in enumerate(places)])
    cells = re.findall(r'<g><title>(\d+)</title><rect x="([\d.]+)" y="([\d.]+)".*?opacity="([\d.]+)"', page)
    assert [tuple(map(float, cell)) for cell in cells] == [
        (1, 0.5, 28.5, 0.3), (2, 60.5, 148.5, 0.6), (1, 228.5, 256.5, 0.3),
    ]  # fmt: skip
    assert not bars(page)
    assert 'class="mark" style="left: 26.0%; top: 51.0%"' in page


def test_answers_that_are_no_points_are_bars(tmp_path: Path) -> None:
    page = page_of(
        tmp_path, [sample(0, "(0.10, 0.20)", answer_format="point"), sample(1, "top", answer_format="point")]
    )
    assert len(bars(page)) == 2
    assert parse_point("(1.01, 0.20)") is None
    assert parse_point("[0.62, 0.2]") == (0.62, 0.2)


def test_text_is_escaped(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    audit = Audit(((evil, True),), 1, 1)
    made = sample(0, evil, evil, question=evil, template='"><b>', id=evil, choices=(evil, "b"))
    page = page_of(tmp_path, [made], audit=lambda row: audit)
    assert page.count("<script>") == 1
    assert evil not in page
    assert '"><b>"' not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_audit_is_asked_for_each_card_and_shown(tmp_path: Path) -> None:
    def audit(row: dict) -> Audit | None:
        assert row["images"][0]["bytes"]
        if row["answer"] == "no":
            return None
        return Audit(((row["prompt"][0]["content"], False), (row["answer"], True)), num_tokens=1234, num_supervised=2)

    page = page_of(tmp_path, [sample(0, "yes"), sample(1, "no")], audit=audit)
    assert re.findall(r'<pre class="code">(.*?)</pre>', page) == ["Question 0?<mark>yes</mark>"]
    assert "2 of 1,234 tokens supervised" in page


def test_no_audit_no_trace_of_it(tmp_path: Path) -> None:
    assert "<details" not in page_of(tmp_path, [sample(0, "yes")])


def test_images_are_spread_evenly_and_from_the_beginning() -> None:
    assert first_of_each("bbbbbac", 4) == [5, 0, 6, 1]
    assert first_of_each("ab", 10) == [0, 1]


def test_what_cannot_be_shown_is_refused(generated: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such dataset directory"):
        write_preview(tmp_path / "nowhere", tmp_path / "page.html")
    (tmp_path / "unfinished").mkdir()
    with pytest.raises(InputError, match=MANIFEST):
        write_preview(tmp_path / "unfinished", tmp_path / "page.html")
    with pytest.raises(InputError, match="num_images 0"):
        write_preview(generated, tmp_path / "page.html", num_images=0)
    with pytest.raises(InputError, match="is a directory"):
        write_preview(generated, tmp_path)
    assert not (tmp_path / "page.html").exists()


def test_an_answer_that_never_occurs_has_a_bar_of_no_length_and_a_part_of_the_even_share(tmp_path: Path) -> None:
    choices = ("A", "B", "C", "D")
    samples = [sample(index, "AAAAAABB"[index], answer_format="letter", choices=choices) for index in range(8)]
    shown = [(label, count) for label, _, count, _ in bars(page_of(tmp_path, samples))]
    assert shown == [("A", 6), ("B", 2), ("C", 0), ("D", 0)]
    (chart,) = charts({("t", "A", "letter", answer): count for answer, count in shown}, {"t": "red"})
    assert chart.even == pytest.approx(2 / 6)
