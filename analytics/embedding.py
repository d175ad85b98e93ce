"""The embedding job: a vector for every distinct text that drift will look at."""

from concurrent.futures import Executor
from datetime import datetime, timedelta
from importlib.util import find_spec

from pydantic import BaseModel, ConfigDict, Field

from analytics.encoder import ENCODER, encode
from analytics.models.minilm import MINILM
from store.connection import Store
from store.duration import Duration
from store.embeddings import SUBJECTS, append_vectors, unembedded

# What drift compares in one window; more calls than this add cost and no power.
PER_WINDOW = 2000


class EmbeddingSettings(BaseModel):
    """`window` as in the drift settings: of each, up to `per_window` calls are embedded.

    `max_texts`: a run ends after so many (None: when none is left). `batch`: texts per task.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: Duration = timedelta(hours=2)
    per_window: int = Field(default=PER_WINDOW, gt=0)
    lookback: Duration = timedelta(days=30)
    max_texts: int | None = Field(default=4000, gt=0)
    batch: int = Field(default=256, gt=0)


def embed(store: Store, executor: Executor, settings: EmbeddingSettings, *, now: datetime) -> dict[str, int]:
    """Embed texts that have no vector yet, newest first; return counts by subject."""
    if find_spec(MINILM) is None:
        return {"embedding_unavailable": 1}
    left = settings.max_texts
    counts = {}
    for subject in SUBJECTS:
        counts[subject] = _subject(store, executor, settings, subject, left, now)
        left = None if left is None else left - counts[subject]
    return counts


def _subject(
    store: Store, executor: Executor, settings: EmbeddingSettings, subject: str, left: int | None, now: datetime
) -> int:
    done = 0
    while left is None or done < left:
        limit = settings.batch if left is None else min(settings.batch, left - done)
        texts = unembedded(
            store,
            ENCODER,
            subject,
            since=now - settings.lookback,
            window=settings.window,
            per_window=settings.per_window,
            limit=limit,
        )
        if not texts.height:
            break
        vectors = executor.submit(encode, texts["text"].to_list()).result()
        append_vectors(store, ENCODER, texts["text_hash"].to_list(), vectors, now=now)
        done += texts.height
    return done
