"""Photographs on the loopback host, and a shelf that fetches them."""

import random
from pathlib import Path

from pgt_lora.data.mix.images import Shelf
from pgt_lora.data.sources.source import ImageRef
from tests.support.loopback import Host
from tests.support.originals import archive, jpeg

BODY = random.Random(0).randbytes(200_000)


def shelf(host: Host, cache: Path, waits: list[float], **fields: object) -> Shelf:
    hosts = {"coco": host.address, "vg": host.address, "spatialladder": f"{host.address}/images.zip"}
    return Shelf(cache, hosts=hosts, wait=waits.append, **fields)  # type: ignore[arg-type]


def photographs(host: Host) -> list[ImageRef]:
    host.files |= {f"/train2017/{index:012d}.jpg": jpeg(index) for index in range(6)}
    host.files["/VG_100K/7.jpg"] = jpeg(7)
    host.files["/images.zip"] = archive({"images/scene0001_00/0.jpg": jpeg(8), "scene0002_00/0.jpg": jpeg(9)})
    names = [("coco", f"train2017/{index:012d}.jpg") for index in range(6)]
    names += [("vg", "VG_100K/7.jpg"), ("spatialladder", "scene0001_00/0.jpg"), ("spatialladder", "scene0002_00/0.jpg")]
    return [ImageRef(*name) for name in names]
