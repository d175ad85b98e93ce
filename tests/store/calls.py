"""Tables of calls for tests."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from store.calls import bare_table
from store.model import LLMCall


def calls_with(**fields: Any) -> pa.Table:
    moment = datetime(2026, 11, 24, tzinfo=UTC)
    return bare_table([LLMCall(call_id="c", source="otlp/x", event_time=moment, trace_id="t", span_id="s", **fields)])
