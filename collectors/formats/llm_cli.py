"""The `llm` command line tool: `llm logs --json`, one array. Failed prompts are not logged there."""

from collections.abc import Iterator

from collectors.apis.counts import as_object, known
from collectors.apis.exchange import number, response_fields, settings
from collectors.apis.messages import messages, parsed
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from store.model import Operation


def detect(record: Record) -> bool:
    return "datetime_utc" in record and "prompt" in record and "response" in record


def parse(record: Record, place: Place) -> Iterator[Item]:
    body = as_object(parsed(record.get("response_json")))
    raw = response_fields(body)
    details = as_object(parsed(record.get("token_details")))
    said = [{"role": "system", "content": record["system"]}] if record.get("system") else []
    said += [{"role": "user", "content": record["prompt"]}] if record.get("prompt") else []
    fields = {
        **settings(as_object(parsed(record.get("options_json")))),
        "started_at": str(record["datetime_utc"]) + ("" if "+" in str(record["datetime_utc"]) else "+00:00"),
        "latency_ms": number(record.get("duration_ms")),
        "request_model": record.get("model"),
        "response_model": record.get("resolved_model") or raw.get("response_model"),
        "response_id": raw.get("response_id"),
        "operation": Operation.CHAT,
        "asked": messages(said),
        "answered": messages([{"role": "assistant", "content": record.get("response"),
                               "tool_calls": record.get("tool_calls"), "reasoning": record.get("reasoning")}]),
        "usage": {"input": record.get("input_tokens"), "output": record.get("output_tokens"),
                  "reasoning": as_object(details.get("completion_tokens_details")).get("reasoning_tokens"),
                  "cache_read": as_object(details.get("prompt_tokens_details")).get("cached_tokens")},
        "session_id": record.get("conversation_id"),
        "source_record_id": record.get("id"),
    }  # fmt: skip
    fields["usage"] = known(fields["usage"])
    yield complete(known(fields), source="llm_cli", place=place)


FORMAT = Format(
    name="llm_cli",
    help="The llm command line tool's logs (`llm logs --json`)",
    detect=detect,
    reader=each(parse),
    order=40,
)
