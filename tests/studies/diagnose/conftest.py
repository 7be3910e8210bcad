from pathlib import Path

import pytest

from pgt_lora.data.probes import probe_data
from tests.support.diagnoses import SMALL


@pytest.fixture(scope="module")
def probe_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Probes of 40 images of each task."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGT_LORA_HOME", str(tmp_path_factory.mktemp("root")))
        return probe_data(40, SMALL)
