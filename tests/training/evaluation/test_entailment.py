"""A tiny cross-encoder with labels of its own order in place of the shipped check."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.evaluation.entailment import EntailmentScorer

pytestmark = pytest.mark.slow


def save_tiny(folder: Path, labels: list[str]) -> str:
    """Save a one-layer classifier that favours its last label, whatever it reads."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast  # type: ignore[attr-defined]

    folder.mkdir()
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "it", "takes", "days", "."]))
    config = BertConfig(
        vocab_size=9,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        id2label=dict(enumerate(labels)),
        label2id={label: place for place, label in enumerate(labels)},
    )
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.zero_()
        model.classifier.bias[-1] = 3.0
    model.save_pretrained(str(folder))
    BertTokenizerFast(vocab_file=str(vocabulary), model_max_length=64).save_pretrained(str(folder))
    return str(folder)


def test_the_label_named_entailment_counts(tmp_path: Path) -> None:
    favoured = EntailmentScorer(save_tiny(tmp_path / "a", ["contradiction", "neutral", "entailment"]), device="cpu")
    assert favoured.score(["It takes days.", "It is."], "It takes weeks. [1]") == pytest.approx(0.909, abs=0.01)
    assert favoured.score(["It takes many days."], "It takes many days.") == 1.0
    assert favoured.score([], "It takes days.") == favoured.score(["It."], " ") == 0.0
    other = EntailmentScorer(save_tiny(tmp_path / "b", ["ENTAILMENT", "neutral", "contradiction"]), device="cpu")
    assert other.score(["It takes days."], "It takes weeks.") == pytest.approx(0.045, abs=0.01)
    with pytest.raises(ValueError, match="none is entailment"):
        EntailmentScorer(save_tiny(tmp_path / "c", ["yes", "no", "maybe"]), device="cpu")
