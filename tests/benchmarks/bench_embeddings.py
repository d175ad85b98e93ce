"""Embeddings against the library's own loop: CPU time of `encode(batch_size=32)` over that of ours, one thread.

Target: 2. Prompts and answers are drawn with the lengths of real ones (medians of 24 and 420 tokens). The more texts
the library is given at once, the better it sorts them itself: what is left then is layout and precision of matrices.
"""

import math
import random
import time
from collections.abc import Callable
from pathlib import Path

from analytics import encoder
from analytics.encoder import Matrix
from analytics.models.minilm import minilm_folder

WORDS = (Path(__file__).parents[2] / "sample_logs" / "demo_texts.toml").read_text().split()
SEED = 3
# Prompts, answers, and how often each text comes again: in the log of an application the same is asked many times.
MIXES = {
    "a task of 40 texts": (24, 16, 1),
    "160 texts": (96, 64, 1),
    "160 texts, every second one seen before": (48, 32, 2),
}


def drawn(prompts: int, answers: int, times: int) -> list[str]:
    rng = random.Random(SEED)

    def text(median: float, spread: float) -> str:
        return " ".join(rng.choices(WORDS, k=max(3, int(rng.lognormvariate(math.log(median), spread)))))

    texts = [text(18, 0.8) for _ in range(prompts)] + [text(300, 0.7) for _ in range(answers)]
    texts *= times
    rng.shuffle(texts)
    return texts


def cpu(work: Callable[[], Matrix]) -> tuple[float, Matrix]:
    begun = time.process_time()
    found = work()
    return time.process_time() - begun, found


def main() -> None:
    import torch  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    torch.set_num_threads(1)
    model = SentenceTransformer(str(minilm_folder()), device="cpu", local_files_only=True)
    model.encode(["warm"])
    encoder.encode(["warm"])
    for name, mix in MIXES.items():
        texts = drawn(*mix)
        encoder._known.clear()
        theirs, known = cpu(lambda: model.encode(texts, batch_size=32, normalize_embeddings=True))  # noqa: B023
        ours, found = cpu(lambda: encoder.encode(texts))  # noqa: B023
        alike = float((known * found).sum(axis=1).min())
        print(
            f"{name:42} {len(texts) / ours:5.1f} texts/s, the library {len(texts) / theirs:5.1f}: "
            f"{theirs / ours:.2f}x (target 2); {encoder.ENCODER}, cosine at least {alike:.6f}"
        )


if __name__ == "__main__":
    main()
