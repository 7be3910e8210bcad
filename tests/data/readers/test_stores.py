"""LLaVA's mix names the images of five stores, which are fetched as needed, or lie below a folder."""

from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.readers.build import ImportSettings, OnError, import_data
from pgt_lora.data.readers.named import as_directory
from pgt_lora.data.sources.folders import FOLDERS, stored
from tests.support.loopback import Host
from tests.support.originals import jpeg
from tests.support.own_data import images
from tests.support.shared_images import NAMES, mix, rows, serve_images


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path / "home"))


def test_images_of_all_stores_are_fetched_once(tmp_path: Path, host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ImportSettings(mirrors=serve_images(host))
    (out,) = import_data(str(mix(tmp_path)), tmp_path / "out", settings)
    said = " ".join(capsys.readouterr().out.split())
    assert "5 of 5 images to fetch" in said and "1 of coco, about 0.2 MB; 1 of gqa, 0.0 MB" in said
    assert [row["images"][0]["bytes"] for row in open_dataset(out) if row["images"]] == [jpeg(n) for n in range(5)]
    assert len(host.requests) == 2 + 3 * 2  # an archive's directory, and the member alone
    (facts,) = read_manifest(out)["sources"].values()
    assert set(facts["stores"]) == set(NAMES)
    assert facts["stores"]["gqa"] == {
        "images": 1,
        "origin": settings.mirrors["gqa"],
        "terms": FOLDERS["gqa/images"].terms,
    }
    assert facts["license"]["images"].startswith("coco: COCO terms of use") and not facts["license"]["redistributable"]
    assert all(store.terms in facts["license"]["images"] for store in FOLDERS.values())
    import_data(str(mix(tmp_path)), tmp_path / "again", settings)
    assert len(host.requests) == 8
    # What --data imports is the same before and after an image was fetched.
    assert as_directory(str(mix(tmp_path))) == as_directory(str(mix(tmp_path)))


def test_images_below_a_folder_are_taken_from_there(tmp_path: Path, host: Host) -> None:
    root = tmp_path / "playground"
    images(root, [*list(NAMES.values())[1:], "train2017/000000033471.jpg"])  # COCO lies there as it came
    (out,) = import_data(str(mix(tmp_path)), tmp_path / "out", ImportSettings(image_root=root))
    assert len(open_dataset(out)) == len(rows())
    assert not host.requests
    (facts,) = read_manifest(out)["sources"].values()
    assert set(facts["stores"]) == set(NAMES)
    parts = import_data(str(mix(tmp_path)), tmp_path / "parts", ImportSettings(image_root=root, test=0.4))
    train, test = (set(facts["stores"]) for part in parts for facts in read_manifest(part)["sources"].values())
    assert train | test == set(NAMES) and not train & test
    (root / "gqa/images/2354786.jpg").unlink()
    with pytest.raises(InputError, match=r"line 2: its image 'gqa/images/2354786.jpg' is not in .*pass --image-root"):
        import_data(str(mix(tmp_path)), tmp_path / "less", ImportSettings(image_root=root))
    assert not host.requests


def test_an_image_that_a_store_has_not_is_the_rows_problem(tmp_path: Path, host: Host) -> None:
    mirrors = serve_images(host)
    del host.files["/train2017/000000033471.jpg"]
    with pytest.raises(InputError, match=r"line 1: its image 'coco/.*' cannot be had \(.*404\)"):
        import_data(str(mix(tmp_path)), tmp_path / "out", ImportSettings(mirrors=mirrors))
    settings = ImportSettings(mirrors=mirrors, on_error=OnError.SKIP)
    (out,) = import_data(str(mix(tmp_path)), tmp_path / "out", settings)
    assert len(open_dataset(out)) == 5
    with pytest.raises(InputError, match="--mirror flickr=…: unknown"):
        import_data(str(mix(tmp_path)), tmp_path / "no", ImportSettings(mirrors={"flickr": "http://127.0.0.1"}))


def test_only_names_of_a_stores_own_form_mean_it() -> None:
    assert {stored(name).store for name in NAMES.values()} == set(NAMES)  # type: ignore[union-attr]
    for other in ("coco/a.jpg", "coco/train2017/../a.jpg", "/coco/train2017/1.jpg", "coco/train2017/1.png", "1.jpg"):
        assert stored(other) is None
