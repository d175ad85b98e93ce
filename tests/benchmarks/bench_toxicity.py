"""Toxicity against Detoxify's own loop: CPU time of `Detoxify.predict(list)` over that of ours, one thread.

Target: 4. The architecture is that of `original-small` and `unbiased-small` (ALBERT-base, 12 layers) and of `original`
(BERT-base), in full size; the weights are random, which changes what is said and not what it costs. Texts have the
lengths of real prompts and answers; `predict` takes one list at once and pads it to its longest.
"""

import json
import tempfile
from pathlib import Path

import numpy as np

from analytics.models import detoxify
from tests.benchmarks.bench_embeddings import WORDS, cpu, drawn

TEXTS = (20, 12, 1)
ALBERT = {
    "model_type": "albert", "vocab_size": 30000, "embedding_size": 128, "hidden_size": 768, "num_hidden_layers": 12,
    "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 512, "hidden_act": "gelu_new",
}  # fmt: skip
BERT = {
    "model_type": "bert", "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
    "intermediate_size": 3072, "max_position_embeddings": 512,
}  # fmt: skip
CLASSES = ["toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack"]


def made(room: Path, config: dict[str, object], model: str) -> Path:
    """A prepared folder of full size with random weights."""
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    base, out = room / "base", room / "prepared"
    base.mkdir(parents=True)
    (base / "config.json").write_text(json.dumps(config))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(word.lower() for word in WORDS)]
    (base / "vocab.txt").write_text("\n".join(words))
    (base / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    torch.manual_seed(0)
    model_class = getattr(transformers, model)
    weights = model_class(model_class.config_class.from_pretrained(str(base), num_labels=len(CLASSES))).state_dict()
    arch = {"model_type": "x", "model_name": model, "tokenizer_name": "BertTokenizer", "num_classes": len(CLASSES)}
    content = {"config": {"arch": {"args": arch}, "dataset": {"args": {"classes": CLASSES}}}, "state_dict": weights}
    torch.save(content, room / "published.ckpt")
    detoxify.prepare(room / "published.ckpt", base, out, name="random")
    return out


def measured(name: str, config: dict[str, object], model: str, texts: list[str]) -> None:
    from detoxify import Detoxify  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as room:
        prepared = made(Path(room), config, model)
        library = Detoxify(checkpoint=str(prepared / detoxify.CHECKPOINT))
        library.predict(texts[:2])
        theirs, known = cpu(lambda: np.array(list(library.predict(texts).values())).T)
        for precision in ("int8", "fp32"):
            ours = detoxify._opened(prepared, precision)
            detoxify.scores(ours, texts[:2])
            mine, found = cpu(lambda: detoxify.scores(ours, texts))  # noqa: B023
            apart = np.abs(known - found)
            print(
                f"{name:22} {precision} {len(texts) / mine:5.1f} texts/s, the library {len(texts) / theirs:5.1f}: "
                f"{theirs / mine:.2f}x (target 4); scores differ by {apart.max():.4f} at most, {apart.mean():.4f} on "
                "average",
                flush=True,
            )


def main() -> None:
    import torch  # noqa: PLC0415

    torch.set_num_threads(1)
    texts = drawn(*TEXTS)
    measured("ALBERT-base, small", ALBERT, "AlbertForSequenceClassification", texts)
    measured("BERT-base, original", BERT, "BertForSequenceClassification", texts)


if __name__ == "__main__":
    main()
