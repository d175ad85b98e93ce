"""What decoding gives, and what a malformed record can raise."""

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from store.model import LogRecord, Span

INT64 = 1 << 63

# What a malformed record can raise while it is read: all of them mean "bad record", none of them "bad code path".
BAD_RECORD = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError, DecodeError)


@dataclass(slots=True)
class Decoded:
    """What one request held; `bad` counts spans or log records whose ids cannot be ids."""

    spans: list[Span]
    logs: list[LogRecord]
    bad: int = 0


def known_time(ns: int) -> int:
    """Return a time in ns; one that no signed 64-bit integer holds (after the year 2262) is unknown, 0."""
    return ns if 0 <= ns < INT64 else 0
