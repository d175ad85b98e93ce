"""Texts into vectors: all-MiniLM-L6-v2, in a worker."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analytics.models import minilm_folder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Matrix = npt.NDArray[np.float32]

ENCODER = "all-MiniLM-L6-v2/fp32"  # id and precision: vectors of different encoders are never compared
DIMENSIONS = 384
BATCH = 8  # sorted by length; measured twice as fast as the library's 32 on mixed lengths
REMEMBERED = 32_768  # 50 MB; scoring and drift look at the same texts

_known: OrderedDict[bytes, npt.NDArray[np.float32]] = OrderedDict()


@cache
def _model() -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - seconds to import; only in workers

    return SentenceTransformer(str(minilm_folder()), device="cpu", local_files_only=True)


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
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    vectors = _model().encode(
        [texts[i] for i in order], batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
    )
    found = np.empty((len(texts), DIMENSIONS), np.float32)
    found[order] = vectors
    return found


def encode_groups(groups: Sequence[Sequence[str]]) -> list[Matrix]:
    """Like `encode`, for a list of lists in one go."""
    vectors = encode(list(chain.from_iterable(groups)))
    ends = np.cumsum([len(group) for group in groups])[:-1]
    return list(np.split(vectors, ends)) if groups else []
