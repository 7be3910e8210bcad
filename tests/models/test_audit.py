from pathlib import Path

from pgt_lora.data.directory import open_dataset
from pgt_lora.data.preview import write_preview
from pgt_lora.evaluation.evaluate import load_encoder
from pgt_lora.models.audit import audit_row
from tests.support.checkpoints import checkpoint


def test_the_audit_shows_the_answer_and_its_end_as_supervised(base_dir: Path, data_dir: Path) -> None:
    encoder = load_encoder(checkpoint(base_dir))
    for row in open_dataset(data_dir):
        audit = audit_row(encoder, row)
        masked, supervised = audit.spans
        assert supervised == (f"{row['answer']}<|im_end|>", True)
        assert not masked[1]
        assert "‹image × 49›" in masked[0]  # 112 pixels: seven tokens of 16 pixels a side
        assert "<|image_pad|>" not in masked[0]
        assert masked[0].endswith(f"{row['prompt'][0]['content']}<|im_end|>\n<|im_start|>assistant\n")
        assert audit.num_supervised == len(encoder.text_ids(row).answer)
        assert audit.num_tokens == encoder.training_batch([row])["input_ids"].shape[1]


def test_the_page_shows_the_audit(base_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    encoder = load_encoder(checkpoint(base_dir))
    write_preview(data_dir, tmp_path / "page.html", 5, lambda row: audit_row(encoder, row))
    page = (tmp_path / "page.html").read_text()
    assert page.count("‹image × 49›") == 5
    assert page.count("&lt;|im_end|&gt;</mark>") == 5
