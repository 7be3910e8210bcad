"""Where images are kept that annotations name by a path."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pgt_lora.data.sources.groups import coco_id


@dataclass(frozen=True)
class Store:
    """One place of images.

    `host` is the address that they are fetched from, each by its own path, or that of a zip file of all of them;
    `archive` is a dataset on the Hub and the zip file in it, instead. `layouts(path)` are other places, relative to a
    directory of local copies or in the zip file, that an image may have; `folder` is the one that all of them may lie
    in. `mean_bytes` is an image's mean size. `terms` are those of the images.
    """

    name: str
    host: str = ""
    archive: tuple[str, str] | None = None
    layouts: Callable[[str], Sequence[str]] = lambda path: ()
    folder: str = "images"
    mean_bytes: int | None = None
    terms: str = "none stated"

    @property
    def is_archive(self) -> bool:
        """Whether its images are the members of one zip file."""
        return self.archive is not None or self.host.endswith(".zip")


LOCAL = Store("local")  # the paths are those of files on this machine; nothing is fetched
PARQUET = Store("parquet")  # the images lie in the annotation file itself

COCO_LAYOUTS = (
    "train2014/COCO_train2014_{:012d}.jpg", "val2014/COCO_val2014_{:012d}.jpg",
    "train2017/{:012d}.jpg", "val2017/{:012d}.jpg", "trainval2017/{:012d}.jpg",
)  # fmt: skip

# Mean sizes by the published archives: 18 GB for COCO's 118,287 images, 14.7 GB for Visual Genome's 108,249.
COCO = Store(
    "coco",
    host="http://images.cocodataset.org",
    # Ids are the same in the releases of 2014 and 2017, and so are the images.
    layouts=lambda path: [layout.format(coco_id(path)) for layout in COCO_LAYOUTS],
    folder="coco",
    mean_bytes=152_000,
    terms="COCO terms of use (Flickr); not to be passed on",
)
VISUAL_GENOME = Store(
    "vg",
    host="https://cs.stanford.edu/people/rak248",
    layouts=lambda path: [f"{release}/{path.split('/')[-1]}" for release in ("VG_100K", "VG_100K_2")],
    folder="vg",
    mean_bytes=136_000,
    terms="Visual Genome (CC BY 4.0) on COCO's and YFCC100M's images (Flickr); not to be passed on",
)
# As LLaVA's authors name them. Their OCR-VQA is a script that asks a shop for each cover; this is a copy of what it
# fetched.
GQA = Store(
    "gqa",
    host="https://downloads.cs.stanford.edu/nlp/data/gqa/images.zip",
    folder="gqa",
    terms="GQA's images are Visual Genome's (Flickr); not to be passed on",
)
OCR_VQA = Store(
    "ocr_vqa",
    archive=("qnguyen3/ocr_vqa", "ocr_vqa.zip"),
    layouts=lambda path: [f"{folder}{path.split('/')[-1]}" for folder in ("", "ocr_vqa/", "ocr_vqa/images/")],
    folder="ocr_vqa",
    terms="covers of books, of their publishers; for research, not to be passed on",
)
TEXTVQA = Store(
    "textvqa",
    host="https://dl.fbaipublicfiles.com/textvqa/images/train_val_images.zip",
    folder="textvqa",
    terms="Open Images (CC BY 2.0, Flickr); not to be passed on",
)
