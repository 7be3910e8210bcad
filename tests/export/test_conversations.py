"""Conversations in the checks of a merged model: an answer is judged by its own tokens, not by earlier answers'."""

from pathlib import Path

from pgt_lora.data.turns import Form, last_answer, turns, with_last_answer
from pgt_lora.evaluation.generation import Generation
from pgt_lora.export.behavior import is_as_likely
from pgt_lora.export.rounding import supervised
from pgt_lora.models.checkpoint import family_of, load_model, load_processor
from pgt_lora.models.encoding import Encoder
from tests.support.conversations import conversations


def test_an_answer_is_as_likely_behind_its_history(base_dir: Path) -> None:
    model = load_model(str(base_dir)).eval()
    encoder = Encoder(family_of(str(base_dir)), load_processor(str(base_dir)))
    row = conversations()[2].to_row(Form.CONVERSATIONS)
    logits, tokens = supervised(model, encoder, [row])
    own = encoder.text_ids(row).answer
    assert len(tokens) > len(own), "the earlier answers are supervised, too"
    assert tokens[-len(own) :].tolist() == own
    lacking = logits.max(-1).values - logits.gather(1, tokens[:, None])[:, 0]
    first = logits[-len(own)]
    limit = float(lacking[-len(own)] / first.abs().max())
    for margin, expected in ((1.01 * limit, True), (0.99 * limit, False)):
        assert is_as_likely(model, encoder, row, last_answer(row), Generation(1, 1), margin) is expected
    changed = with_last_answer(row, "blue")
    assert turns(changed)[:-1] == turns(row)[:-1]
    assert last_answer(changed) == "blue"
