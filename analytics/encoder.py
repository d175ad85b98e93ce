"""Texts into vectors: all-MiniLM-L6-v2, in a worker."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
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
BATCH_TOKENS, MOST_PADDED = 2048, 1.15
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
    """Like the library's `encode`, to the last digit but one; in batches of equal work instead of equal number."""
    import torch  # noqa: PLC0415

    model = _model()
    tokens = model.tokenizer(texts, truncation=True, max_length=model.max_seq_length)
    found = np.empty((len(texts), DIMENSIONS), np.float32)
    with torch.inference_mode():
        for batch in _batches([len(ids) for ids in tokens["input_ids"]]):
            chosen = {name: [values[i] for i in batch] for name, values in tokens.items()}
            features = model.tokenizer.pad(chosen, return_tensors="pt")
            vectors = model(dict(features))["sentence_embedding"]
            found[batch] = torch.nn.functional.normalize(vectors, dim=1).numpy()
    return found


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts of nearly the same length: padding costs as much as text, and large batches leave the cache."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    batch: list[int] = []
    for i in order:
        full = (len(batch) + 1) * lengths[i] > BATCH_TOKENS
        if batch and (full or lengths[i] > MOST_PADDED * lengths[batch[0]] + 2):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def encode_groups(groups: Sequence[Sequence[str]]) -> list[Matrix]:
    """Like `encode`, for a list of lists in one go."""
    vectors = encode(list(chain.from_iterable(groups)))
    ends = np.cumsum([len(group) for group in groups])[:-1]
    return list(np.split(vectors, ends)) if groups else []
