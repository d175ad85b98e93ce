"""Journal frames, opened: their spans, log records, and what could not be read."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from collectors.spans.candidate import told_once
from collectors.spans.columns import Source, everything, made
from collectors.spans.otlp import decode, unpacked
from collectors.spans.wire import Told, read_spans
from store.errors import FormatError
from store.journal import GZIP, JSON, Frame, Signal
from store.model import LogRecord, Reject, Span

MAX_UNPACKED = 1 << 30  # the receiver has its own, smaller cap; this one only guards the worker's memory
KEPT_RAW = 64 << 10  # bytes of a rejected body that are kept


@dataclass(slots=True)
class Opened:
    """What frames held. Requests of spans in protobuf lie in `packed` until all are read together."""

    spans: list[Span] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    packed: list[tuple[Frame, bytes]] = field(default_factory=list)

    def add(self, frame: Frame) -> None:
        """Open a frame; one that cannot be read becomes a reject."""
        try:
            if frame.signal == Signal.TRACES and not frame.encoding & JSON:
                gzipped = frame.encoding & GZIP and frame.body
                self.packed.append((frame, unpacked(frame.body, MAX_UNPACKED) if gzipped else frame.body))
                return
            found = decode(frame.body, frame.signal, frame.encoding, max_bytes=MAX_UNPACKED)
        except FormatError as error:
            self.rejects.append(rejected(frame, str(error)))
            return
        self.spans += found.spans
        self.logs += found.logs
        self._counted(frame, found.bad)

    def source(self) -> Source:
        """Return all spans, as columns where nothing but such requests came."""
        told = self._told(self.packed)
        self.packed = []
        if len(told) == 1 and not self.spans:
            return told[0]
        objects = [span for one in told for span in one.spans(everything(one.columns))]
        return made(list(told_once([*self.spans, *objects]).values()))

    def _told(self, packed: Sequence[tuple[Frame, bytes]]) -> list[Told]:
        """Read requests together; where one of them is none, halve until it stands alone, and reject it."""
        if not packed:
            return []
        try:
            told, bad = read_spans([body for _, body in packed])
        except FormatError as error:
            if len(packed) == 1:
                self.rejects.append(rejected(packed[0][0], str(error)))
                return []
            middle = len(packed) // 2
            return [*self._told(packed[:middle]), *self._told(packed[middle:])]
        for (frame, _), count in zip(packed, bad, strict=True):
            self._counted(frame, count)
        return [told]

    def _counted(self, frame: Frame, bad: int) -> None:
        if bad:
            reason = f"{bad} records without valid ids; the others of this request were read"
            self.rejects.append(rejected(frame, reason))


def rejected(frame: Frame, reason: str) -> Reject:
    return Reject(where=frame.source, reason=reason, raw=frame.body[:KEPT_RAW])


def opened(frames: Sequence[Frame]) -> Opened:
    """Open journal frames."""
    found = Opened()
    for frame in frames:
        found.add(frame)
    return found
