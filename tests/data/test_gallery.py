"""The gallery in docs/ is what the command makes."""

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from pgt_lora.core.errors import InputError
from pgt_lora.data.gallery import NUM_EACH, write_gallery
from pgt_lora.data.weights import tasks

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_committed_gallery_is_the_one_that_is_drawn(tmp_path: Path) -> None:
    write_gallery(tmp_path / "gallery.md")
    text = (tmp_path / "gallery.md").read_text()
    assert text == (DOCS / "gallery.md").read_text()
    made = sorted(path.name for path in (tmp_path / "gallery").iterdir())
    assert made == sorted(path.name for path in (DOCS / "gallery").iterdir())
    assert all(f"](gallery/{name})" in text for name in made)
    for name in tasks():
        plain = [each for each in made if each.startswith(f"{name}-plain-")]
        assert len(plain) == NUM_EACH
        for each in plain:  # varied ones have the letters of the machine's typefaces
            with Image.open(tmp_path / "gallery" / each) as one, Image.open(DOCS / "gallery" / each) as other:
                assert ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox() is None, each


def test_a_folder_is_no_page(tmp_path: Path) -> None:
    for page in (tmp_path, tmp_path / "gallery.html"):
        with pytest.raises(InputError, match=r"name one that ends in \.md"):
            write_gallery(page)
    assert list(tmp_path.iterdir()) == []
