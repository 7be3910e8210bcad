"""The figure of a table, and the references of what was used."""

import json
import re
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.html.svg import INK
from pgt_lora.core.plugins import discover
from pgt_lora.studies.tables.citations import SAME, bibtex, references
from pgt_lora.studies.tables.figure import HEIGHT_MM, WIDTH_MM, labels, write_figure
from pgt_lora.studies.tables.table import PAPER, Block, Cell, Row, Table
from tests.support.scored_runs import questions, scored_run


def table() -> Table:
    rows = (Row("base", (Cell(0.3, 0.2, 0.4), None)), Row("mine", (Cell(0.9, 0.8, 0.95), Cell(0.5, 0.4, 0.6)), 2))
    return Table("made up", ("relation", "a_b & c"), (Block("m", rows),), (10, 2), (0.25, 0.5))


def test_the_size_is_fixed_and_the_bytes_are_the_same(tmp_path: Path) -> None:
    paper = Table(PAPER, ("VSR",), (Block("m", (Row("base", (Cell(0.5),), is_paper=True),)),))
    for name in ("a.svg", "a.pdf"):
        write_figure([table(), paper], tmp_path / name)
        first = (tmp_path / name).read_bytes()
        write_figure([table(), paper], tmp_path / name)
        assert (tmp_path / name).read_bytes() == first
    svg = (tmp_path / "a.svg").read_text()
    width, height = (float(each) for each in re.search(r'width="([\d.]+)mm" height="([\d.]+)mm"', svg).groups())
    assert (width, height) == (WIDTH_MM, 2 * HEIGHT_MM)
    assert svg.count(INK) > 20 and 'color="black"' in svg  # on paper, whatever the page around it looks like
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.pdf", "a.svg"]
    with pytest.raises(InputError, match=r"name a file that ends in \.pdf or \.svg"):
        write_figure([table()], tmp_path / "a.png")


def test_every_family_and_source_of_the_kit_has_its_reference() -> None:
    known = references()
    named = [*discover("pgt_lora.models.families", "FAMILY"), *discover("pgt_lora.data.sources", "SOURCE")]
    assert len(named) > 8
    assert [name for name in named if SAME.get(name, name) not in known] == []
    assert all(entry.count("{") == entry.count("}") for entry in known.values())


def test_what_a_run_used(tmp_path: Path) -> None:
    right = dict.fromkeys(("relation", "distance"), 0.5)
    run = scored_run(tmp_path / "run", questions(tmp_path / "pgt"), right, right, model_family="internvl3")
    (run / "adapter").mkdir()
    data = {"sources": {"vsr": {}, "my_photos": {}}, "counts": {"yes or no": 7, "absolute_position": 3}}
    (run / "adapter" / "run.json").write_text(json.dumps({"data": data}))
    text = bibtex([run])
    assert text.startswith("% No reference here for: my_photos\n")
    assert re.findall(r"^@\w+\{(\w+),", text, re.MULTILINE) == [
        "pgt", "lora", "peft", "trl", "transformers", "internvl3", "vsr", "absolute_position",
    ]  # fmt: skip


def test_a_run_on_pgt_alone_has_no_sources(tmp_path: Path) -> None:
    right = dict.fromkeys(("relation", "distance"), 0.5)
    run = scored_run(tmp_path / "run", questions(tmp_path / "pgt"), right, right)
    (run / "adapter").mkdir()
    (run / "adapter" / "run.json").write_text(json.dumps({"data": {"counts": {"relation": 3}}}))
    assert bibtex([run]).startswith("@article{pgt,")


def test_long_names_do_not_meet() -> None:
    names = tuple(f"color of the thing {index}" for index in range(10))
    found = labels(Table("skills", names, (), (7,) * 10))
    assert found[0].split("\n")[-1] == "n = 7"
    assert max(len(line) for each in found for line in each.split("\n")) <= 10
    assert [" ".join(each.split("\n")[:-1]) for each in found] == list(names)
