"""Model folders are checked before anything opens them; the real classes then run on them."""

import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from analytics.evaluator import ScoringSettings, engine_of, evaluators
from analytics.models import detoxify, entailment, folder, minilm, published
from leeway.cli import main
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
    made = tmp_path / "unbiased-tiny"
    detoxify.prepare(checkpoint(base, tmp_path / "published.ckpt"), base, made, name="unbiased-tiny")
    return made


def test_a_prepared_checkpoint_scores_through_the_real_class(base: Path, tmp_path: Path):
    settings = ScoringSettings(detoxify=prepared(base, tmp_path), thresholds={"toxicity": 0.0})
    engine = engine_of(evaluators()["toxicity"], settings)
    assert engine.id.startswith("unbiased-tiny-")
    assert engine.id.endswith("-int8")
    assert "moved no score" in engine.trust
    texts = ["you are kind", "a b c " * 800, "", "you"]
    verdicts = engine.score([{"output_text": text} for text in texts], settings)
    assert len(verdicts) == 4
    assert all(verdict.value is not None and 0 < verdict.value < 1 for verdict in verdicts)
    assert "insult" in (verdicts[0].explanation or "")
    assert "of 6" in (verdicts[1].explanation or "")


@pytest.mark.parametrize(("most_moved", "precision", "apart"), [(1.0, "int8", 0.02), (0.0, "fp32", 1e-5)])
def test_scores_are_those_of_the_library_whatever_it_is_run_with(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_moved: float, precision: str, apart: float
):
    from detoxify import Detoxify  # noqa: PLC0415

    monkeypatch.setattr(detoxify, "MOST_MOVED", most_moved)
    made = prepared(base, tmp_path)
    assert folder.manifest(made).precision == precision
    texts = ["you are kind", "a b c " * 700, "", "you", "kind you are"]
    scores = detoxify.scores(detoxify.loaded(made), texts)
    theirs = Detoxify(checkpoint=str(made / "model.ckpt"))
    for row, text in zip(scores, texts, strict=True):
        assert row == pytest.approx(list(theirs.predict(text).values()), abs=apart)


def test_a_checkpoint_without_its_head_is_refused(base: Path, tmp_path: Path):
    broken = checkpoint(base, tmp_path / "headless.ckpt", drop="classifier.weight")
    with pytest.raises(ConfigError, match=r"lacks 1 weights .* first classifier\.weight"):
        detoxify.prepare(broken, base, tmp_path / "out", name="x")


def test_a_checkpoint_of_another_base_model_is_refused(base: Path, tmp_path: Path):
    published = checkpoint(base, tmp_path / "p.ckpt")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "hidden_size": 32}))
    with pytest.raises(ConfigError, match="another base model"):
        detoxify.prepare(published, base, tmp_path / "out", name="x")


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(base: Path, tmp_path: Path):
    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (ran,))

    (tmp_path / "evil.ckpt").write_bytes(pickle.dumps({"config": Evil()}))
    with pytest.raises(ConfigError, match="cannot be read as plain weights"):
        detoxify.prepare(tmp_path / "evil.ckpt", base, tmp_path / "out", name="x")
    assert not ran.exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"config": {}}, "not a Detoxify checkpoint"), ({"state_dict": {}}, "no weights")],
)
def test_a_file_that_is_no_checkpoint_is_refused(base: Path, tmp_path: Path, changed: dict[str, Any], said: str):
    with pytest.raises(ConfigError, match=said):
        detoxify.prepare(checkpoint(base, tmp_path / "p.ckpt", **changed), base, tmp_path / "out", name="x")


def test_a_folder_that_was_changed_or_moved_is_not_opened(base: Path, tmp_path: Path):
    made = prepared(base, tmp_path)
    settings = ScoringSettings(detoxify=made)
    with (made / "model.ckpt").open("ab") as file:
        file.write(b"x")
    engine = engine_of(evaluators()["toxicity"], settings)
    with pytest.raises(ConfigError, match=r"model\.ckpt: changed or gone"):
        engine.score([{"output_text": "you"}], settings)
    moved = made.rename(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="was prepared for"):
        folder.verified(moved)


def test_the_embedding_weights_are_those_we_know(monkeypatch: pytest.MonkeyPatch):
    assert (minilm.minilm_folder() / "model.safetensors").exists()
    monkeypatch.setattr(minilm, "MINILM_SHA256", "0" * 64)
    with pytest.raises(ConfigError, match="not the weights we know"):
        minilm.minilm_folder()
    monkeypatch.setattr(minilm, "MINILM", "no_such_package")
    with pytest.raises(ConfigError, match="not installed"):
        minilm.minilm_folder()


@pytest.fixture
def judge(base: Path, tmp_path: Path) -> Path:
    """A folder with a very small model for inference, as its makers publish them."""
    import transformers  # noqa: PLC0415

    source = tmp_path / "published-nli"
    shutil.copytree(base, source)
    labels = {0: "contradiction", 1: "entailment", 2: "neutral"}
    config = transformers.BertConfig.from_pretrained(str(base), id2label=labels, num_labels=3)
    transformers.BertForSequenceClassification(config).save_pretrained(source)
    return source


def test_a_model_for_inference_judges_the_answer_and_names_the_worst_sentence(judge: Path, tmp_path: Path):
    made = tmp_path / "nli-tiny"
    entailment.prepare(judge, made, name="nli-tiny")
    settings = ScoringSettings(nli=made)
    engine = engine_of(evaluators()["ungrounded"], settings)
    assert engine.id.startswith("nli-tiny-")
    call = {"output_text": "You are kind. You are a cat.", "retrieved": json.dumps(["You are kind, and so you stay."])}
    measured, lacking = engine.score(
        [{**call, "retrieved": json.dumps([call["retrieved"] * 2])}, {**call, "retrieved": None}], settings
    )
    assert measured.value is not None
    assert 0 < measured.value < 1
    assert "least supported" in (measured.explanation or "")
    assert (lacking.value, lacking.label) == (None, "not_measurable")


def test_what_follows_is_told_by_the_class_that_says_so(judge: Path, tmp_path: Path):
    """The same weights with the classes in another order support what they denied before."""
    entailment.prepare(judge, tmp_path / "one", name="one")
    told = json.loads((judge / "config.json").read_text())
    told["id2label"] = {"0": "entailment", "1": "not_entailment", "2": "neutral"}
    (judge / "config.json").write_text(json.dumps({**told, "label2id": {}}))
    entailment.prepare(judge, tmp_path / "two", name="two")
    pair = ["you are kind"], ["you"]
    one, two = (entailment.loaded(tmp_path / name) for name in ("one", "two"))
    assert (one.supports, two.supports) == (1, 0)
    assert entailment.support(one, *pair)[0] != pytest.approx(entailment.support(two, *pair)[0], abs=1e-4)


def test_one_output_says_by_itself_how_far_a_text_follows(judge: Path, tmp_path: Path):
    import transformers  # noqa: PLC0415

    config = transformers.BertConfig.from_pretrained(str(judge), num_labels=1)
    transformers.BertForSequenceClassification(config).save_pretrained(judge)
    entailment.prepare(judge, tmp_path / "one", name="one")
    assert 0 < entailment.support(entailment.loaded(tmp_path / "one"), ["you are"], ["kind"])[0] < 1


def test_folders_are_made_and_verified_from_the_command_line(
    base: Path, judge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    published_ckpt = checkpoint(base, tmp_path / "p.ckpt")
    made = {name: str(tmp_path / "made" / name) for name in ("tiny", "nli")}
    typed = ["models", "prepare", "tiny", "--from", str(published_ckpt), "--to", made["tiny"]]
    assert main(typed) == 1
    assert "needs --base: a folder with the config and the tokenizer of bert-base-uncased" in capsys.readouterr().err
    assert main([*typed, "--base", str(base)]) == 0
    assert main(["models", "prepare", "nli", "--from", str(judge), "--to", made["nli"]]) == 0
    told = capsys.readouterr().out
    assert "8-bit integers move its scores by at most 0.00" in told
    assert f"set scoring.nli = {made['nli']!r}" in told
    monkeypatch.setenv("LEEWAY_SCORING__DETOXIFY", made["tiny"])
    monkeypatch.setenv("LEEWAY_SCORING__NLI", made["nli"])
    main(["models", "verify", "--db", str(tmp_path / "x.duckdb")])
    assert capsys.readouterr().out.count("hashes as recorded") == 2


def without_weights(source: Path) -> None:
    (source / "model.safetensors").rename(source / "pytorch_model.bin")


def with_code(source: Path) -> None:
    told = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps({**told, "auto_map": {"AutoModel": "evil.Model"}}))


def larger(source: Path) -> None:
    told = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps({**told, "num_hidden_layers": 2}))


def nameless(source: Path) -> None:
    told = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps({**told, "id2label": {"0": "A", "1": "unsupported", "2": "C"}}))


def no_classifier(source: Path) -> None:
    (source / "config.json").write_text("{}")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_weights, "no model.safetensors"),
        (with_code, "brings its own code"),
        (larger, "weights are missing"),
        (nameless, "none of the classes A, unsupported, C"),
        (no_classifier, "cannot be opened"),
    ],
)
def test_a_model_for_inference_that_cannot_be_trusted_is_refused(
    judge: Path, tmp_path: Path, spoil: Callable[[Path], None], said: str
):
    spoil(judge)
    with pytest.raises(ConfigError, match=said):
        entailment.prepare(judge, tmp_path / "out", name="x")


@pytest.fixture
def hub(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever lies in the folder is published, at the addresses that are asked."""
    site = tmp_path / "site"
    shutil.copytree(base, site / "bert-base-uncased" / "resolve" / "main")
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("HF_ENDPOINT", address)
        file = checkpoint(base, site / "x.ckpt")
        named = file.rename(site / f"tiny-{folder.sha256(file)[:8]}.ckpt")
        urls = {"tiny": f"{address}/{named.name}", "other": f"{address}/x-00000000.ckpt"}
        shutil.copy(named, site / "x-00000000.ckpt")
        monkeypatch.setattr("detoxify.detoxify.MODEL_URLS", {**urls, "gone": "http://127.0.0.1:9/x-00000000.ckpt"})
        yield
        server.shutdown()


@pytest.mark.usefixtures("hub")
def test_a_published_model_is_fetched_verified_and_prepared(tmp_path: Path):
    made = published.fetch("detoxify-tiny", tmp_path / "made")
    assert made.classes == tuple(CLASSES)
    assert folder.verified(tmp_path / "made") == made


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("detoxify-huge", "there are detoxify-tiny, detoxify-other"),
        ("detoxify-other", "not what the name says"),
        ("detoxify-gone", r"cannot be fetched from here .* leeway models prepare detoxify-gone"),
    ],
)
def test_what_cannot_be_fetched_says_what_to_do(tmp_path: Path, name: str, said: str):
    with pytest.raises(ConfigError, match=said):
        published.fetch(name, tmp_path / "made")
    assert not (tmp_path / "made").exists()
