from collections.abc import Callable
from pathlib import Path

import pytest

from pgt_lora.models.checkpoint import family_of, load_model, load_processor
from pgt_lora.models.encoding import Encoder
from tests.support.discovered import CASE_NAMES, CASES, FAMILIES, Subject


@pytest.fixture(scope="module", params=CASES, ids=CASE_NAMES)
def subject(request: pytest.FixtureRequest, checkpoint_of: Callable[..., Path]) -> Subject:
    """A family's model and processor, saved and loaded again as a published checkpoint is."""
    name, form = request.param
    directory = checkpoint_of(name, form)
    adapter = family_of(str(directory))
    assert adapter == FAMILIES[name]
    encoder = Encoder(adapter, load_processor(str(directory)))
    return Subject(name, form, directory, encoder, load_model(str(directory)).eval())
