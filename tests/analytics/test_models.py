"""Model folders are checked before anything opens them; the real classes then run on them."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from analytics import models
from analytics.evaluator import ScoringSettings, engine_of, evaluators
from store.errors import ConfigError

pytestmark = pytest.mark.ml

CLASSES = ["toxic", "insult"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", "you", "are", "kind"]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Config and tokenizer of a very small BERT."""
    folder = tmp_path / "base"
    folder.mkdir()
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = {**size, "model_type": "bert", "vocab_size": len(VOCABULARY), "max_position_embeddings": 512}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    return folder


def checkpoint(base: Path, path: Path, *, drop: str | None = None, **changed: Any) -> Path:
    """A file as Detoxify publishes them, with random weights."""
    import torch  # noqa: PLC0415 - seconds; only where it is needed
    import transformers  # noqa: PLC0415

    torch.manual_seed(0)
    config = transformers.BertConfig.from_pretrained(str(base), num_labels=len(CLASSES))
    weights = dict(transformers.BertForSequenceClassification(config).state_dict())
    if drop:
        del weights[drop]
    arch = {
        "model_type": "bert-base-uncased",
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": "BertTokenizer",
        "num_classes": len(CLASSES),
    }
    content = {"config": {"arch": {"args": arch}, "dataset": {"args": {"classes": CLASSES}}}, "state_dict": weights}
    torch.save({**content, **changed}, path)
    return path


def prepared(base: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "unbiased-tiny"
    models.prepare_detoxify(checkpoint(base, tmp_path / "published.ckpt"), base, folder, name="unbiased-tiny")
    return folder


def test_a_prepared_checkpoint_scores_through_the_real_class(base: Path, tmp_path: Path):
    settings = ScoringSettings(detoxify=prepared(base, tmp_path), thresholds={"toxicity": 0.0})
    engine = engine_of(evaluators()["toxicity"], settings)
    assert engine.id.startswith("unbiased-tiny-")
    texts = ["you are kind", "a b c " * 800, "", "you"]
    verdicts = engine.score([{"output_text": text} for text in texts], settings)
    assert len(verdicts) == 4
    assert all(verdict.value is not None and 0 < verdict.value < 1 for verdict in verdicts)
    assert "insult" in (verdicts[0].explanation or "")
    assert "of 6" in (verdicts[1].explanation or "")
    alone = engine.score([{"output_text": "you are kind"}], settings)[0]
    assert alone.value == pytest.approx(verdicts[0].value, abs=1e-5)


def test_a_checkpoint_without_its_head_is_refused(base: Path, tmp_path: Path):
    broken = checkpoint(base, tmp_path / "headless.ckpt", drop="classifier.weight")
    with pytest.raises(ConfigError, match=r"lacks 1 weights .* first classifier\.weight"):
        models.prepare_detoxify(broken, base, tmp_path / "out", name="x")


def test_a_checkpoint_of_another_base_model_is_refused(base: Path, tmp_path: Path):
    published = checkpoint(base, tmp_path / "p.ckpt")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "hidden_size": 32}))
    with pytest.raises(ConfigError, match="another base model"):
        models.prepare_detoxify(published, base, tmp_path / "out", name="x")


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(base: Path, tmp_path: Path):
    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (ran,))

    (tmp_path / "evil.ckpt").write_bytes(pickle.dumps({"config": Evil()}))
    with pytest.raises(ConfigError, match="cannot be read as plain weights"):
        models.prepare_detoxify(tmp_path / "evil.ckpt", base, tmp_path / "out", name="x")
    assert not ran.exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"config": {}}, "not a Detoxify checkpoint"), ({"state_dict": {}}, "no weights")],
)
def test_a_file_that_is_no_checkpoint_is_refused(base: Path, tmp_path: Path, changed: dict[str, Any], said: str):
    with pytest.raises(ConfigError, match=said):
        models.prepare_detoxify(checkpoint(base, tmp_path / "p.ckpt", **changed), base, tmp_path / "out", name="x")


def test_a_folder_that_was_changed_or_moved_is_not_opened(base: Path, tmp_path: Path):
    folder = prepared(base, tmp_path)
    settings = ScoringSettings(detoxify=folder)
    with (folder / "model.ckpt").open("ab") as file:
        file.write(b"x")
    engine = engine_of(evaluators()["toxicity"], settings)
    with pytest.raises(ConfigError, match=r"model\.ckpt: changed or gone"):
        engine.score([{"output_text": "you"}], settings)
    moved = folder.rename(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="was prepared for"):
        models.verified(moved)


def test_the_embedding_weights_are_those_we_know(monkeypatch: pytest.MonkeyPatch):
    assert (models.minilm_folder() / "model.safetensors").exists()
    monkeypatch.setattr(models, "MINILM_SHA256", "0" * 64)
    with pytest.raises(ConfigError, match="not the weights we know"):
        models.minilm_folder()
    monkeypatch.setattr(models, "MINILM", "no_such_package")
    with pytest.raises(ConfigError, match="not installed"):
        models.minilm_folder()
