"""OTLP JSON lines: what OpenTelemetry's file exporters write, one export request a line."""

from collections.abc import Iterator

from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from collectors.spans.otlp_json import decode_json

SIGNALS = ("resourceSpans", "resourceLogs", "resourceMetrics", "resource_spans", "resource_logs")


def detect(record: Record) -> bool:
    return any(name in record for name in SIGNALS)


def parse(record: Record, place: Place) -> Iterator[Item]:
    found = decode_json(record)
    yield from found.spans
    yield from found.logs
    if found.bad:
        yield place.reject(f"{found.bad} spans or log records of this line have no valid ids; the others were read")


FORMAT = Format(
    name="otlp_json",
    help="OpenTelemetry's OTLP JSON lines: traces and logs as file exporters write them",
    detect=detect,
    reader=each(parse),
    real=True,
    order=10,
)
