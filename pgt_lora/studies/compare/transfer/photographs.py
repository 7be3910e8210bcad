"""Photographs that come with Python packages: half to train an arm on, the others to test all arms on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.data.mix.terms import OWN_LICENSE
from pgt_lora.data.scene import Canvas

SIDE = (0.5, 1.0)  # of a crop, as a fraction of the largest that a photograph holds
DISTRIBUTIONS = {"skimage": "scikit-image", "sklearn": "scikit-learn", "matplotlib": "matplotlib"}
PUBLIC_DOMAIN, NONE_STATED = "public domain", "no license stated"


@dataclass(frozen=True)
class Photograph:
    """A file of a package, whose it is and on what terms, as far as these are stated; `data/README.md` says more.

    `shows` names those of the drawn things that the photograph shows of itself, so that they are not drawn on it.
    """

    package: str
    file: str
    origin: str
    terms: str = NONE_STATED
    shows: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where the file lies; the package is not imported.

        Raises:
            InputError: it is not installed, or a version without this file is.
        """
        spec = find_spec(self.package)
        roots = spec.submodule_search_locations if spec else None
        path = Path(roots[0]) / self.file if roots else None
        if path is None or not path.is_file():
            needed = " ".join(DISTRIBUTIONS.values())
            raise InputError(
                f"{self.package}/{self.file}: this photograph is not installed here; install it with: "
                f"pip install {needed}"
            )
        return path


# No photograph is in both. Which goes where was settled before anything was measured.
TRAIN: Mapping[str, Photograph] = {
    "astronaut": Photograph("skimage", "data/astronaut.png", "NASA", PUBLIC_DOMAIN, ("star",)),
    "flower": Photograph(
        "sklearn", "datasets/images/flower.jpg", "vultilion on Flickr", "CC BY 2.0", ("flower", "leaf")
    ),
    "hubble": Photograph("skimage", "data/hubble_deep_field.jpg", "NASA", PUBLIC_DOMAIN, ("star",)),
    "motorcycle": Photograph("skimage", "data/motorcycle_left.png", "Middlebury 2014 stereo data", shows=("car",)),
}
TEST: Mapping[str, Photograph] = {
    "cat": Photograph("skimage", "data/chelsea.png", "Stéfan van der Walt", "CC0"),
    "china": Photograph(
        "sklearn", "datasets/images/china.jpg", "danielbuechele on Flickr", "CC BY 2.0",
        ("cloud", "fir", "house", "leaf", "tree"),
    ),
    "coffee": Photograph("skimage", "data/coffee.png", "Rachel Michetti, Pikolo Espresso Bar", "CC0", ("cup",)),
    "hopper": Photograph("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", "U.S. Navy", shows=("hat", "star")),
    "rocket": Photograph("skimage", "data/rocket.jpg", "SpaceX", PUBLIC_DOMAIN, ("cloud", "star")),
}  # fmt: skip
ALL = {**TRAIN, **TEST}


def license_of(names: Sequence[str]) -> dict[str, Any]:
    """Return the license of samples that show these photographs: each is named with whom it is from."""
    told = (f"{name}: {ALL[name].origin}, {ALL[name].terms}" for name in names)
    is_free = all(ALL[name].terms != NONE_STATED for name in names)
    return OWN_LICENSE | {"images": f"Apache-2.0 over {'; '.join(told)}", "redistributable": is_free}


def crop(rng: Random, canvas: Canvas, name: str) -> np.ndarray:
    """Return a part of a photograph of the canvas's shape and size, mirrored in half of the draws; RGB pixels."""
    image = opened(name)
    scale = rng.uniform(*SIDE) * min(image.width / canvas.width, image.height / canvas.height)
    width, height = scale * canvas.width, scale * canvas.height
    left, top = rng.uniform(0, image.width - width), rng.uniform(0, image.height - height)
    part = image.resize(
        (canvas.width, canvas.height), Image.Resampling.LANCZOS, box=(left, top, left + width, top + height)
    )
    return np.asarray(part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else part)


@lru_cache(maxsize=len(ALL))
def opened(name: str) -> Image.Image:
    """Return a whole photograph in RGB."""
    with Image.open(ALL[name].path) as image:
        return image.convert("RGB")
