"""Channels at work side by side: one that is slow is not asked a second time, and keeps no other waiting."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Self

MOST_AT_ONCE = 32
PATIENCE_S = 5.0
LAST_PATIENCE_S = 3.0  # at the end: what was sent but not noted would be sent once more


class Turns:
    """`patience_s`: how long a round waits for its channels; None: until all are done."""

    def __init__(self, patience_s: float | None = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._pool = ThreadPoolExecutor(max_workers=MOST_AT_ONCE, thread_name_prefix="deliver")
        self._under_way: dict[str, Future[None]] = {}

    def round(self, names: Sequence[str], work: Callable[[str], None]) -> None:
        """Let each channel that is free work; what one of them raises is raised here, now or in a later round."""
        for name in names:
            if name not in self._under_way:
                self._under_way[name] = self._pool.submit(work, name)
        done, _ = wait(self._under_way.values(), timeout=self._patience_s)
        self._under_way = {name: future for name, future in self._under_way.items() if future not in done}
        for future in done:
            future.result()

    def close(self) -> None:
        """Wait a moment for those who are at work; start nobody any more."""
        wait(self._under_way.values(), timeout=LAST_PATIENCE_S)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
