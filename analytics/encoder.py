"""Texts into vectors: all-MiniLM-L6-v2, in a worker."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analytics.inference import forwarded, native_precision, pack
from analytics.models.minilm import minilm_folder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Matrix = npt.NDArray[np.float32]

MODEL = "all-MiniLM-L6-v2"
PRECISION = native_precision()
ENCODER = f"{MODEL}/{PRECISION}"  # vectors of different models or precisions are never compared
DIMENSIONS = 384
MOST_TOKENS = 256  # it was trained on no longer texts
REMEMBERED = 32_768  # 50 MB; scoring and drift look at the same texts

_known: OrderedDict[bytes, npt.NDArray[np.float32]] = OrderedDict()


@cache
def _model() -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - seconds to import; only in workers

    model = SentenceTransformer(str(minilm_folder()), device="cpu", local_files_only=True)
    pack(model, PRECISION)
    return model


def encode(texts: Sequence[str]) -> Matrix:
    """Unit vectors of `texts`, one row each; a text that this worker has seen lately is not encoded again."""
    keys = [hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest() for text in texts]
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in _known}
    if new:
        _known.update(zip(new, _encode(list(new.values())), strict=True))
    found = np.stack([_known[key] for key in keys]) if keys else np.empty((0, DIMENSIONS), np.float32)
    while len(_known) > REMEMBERED:
        _known.popitem(last=False)
    return found


def _encode(texts: list[str]) -> Matrix:
    """Like the library's `encode` (cosine 0.9999 and up), in batches of equal work instead of equal number."""
    import torch  # noqa: PLC0415

    model = _model()

    def forward(tokens: Any) -> "torch.Tensor":
        return torch.nn.functional.normalize(model(dict(tokens))["sentence_embedding"], dim=1)

    return forwarded(forward, model.tokenizer, texts, most=MOST_TOKENS)


def encode_groups(groups: Sequence[Sequence[str]]) -> list[Matrix]:
    """Like `encode`, for a list of lists in one go."""
    vectors = encode(list(chain.from_iterable(groups)))
    ends = np.cumsum([len(group) for group in groups])[:-1]
    return list(np.split(vectors, ends)) if groups else []
