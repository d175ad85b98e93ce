"""Exchanges: a request and a response of any provider's API, told as the fields of a call.

Read by shape, never by who logged it: OpenAI (chat, Responses, completions, embeddings), Anthropic, Gemini, Bedrock
Converse. Both functions give fields of `LLMCall` and, beside them, `usage` (raw counts as collectors/usage.py takes
them), `asked` and `answered` (messages), `created` (the response's own time) and `made_by` (whose API it looks like).
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from collectors import folding
from collectors.apis.counts import anthropic_usage, bedrock_usage, either, gemini_usage, known, openai_usage
from collectors.apis.gemini import gemini_messages
from collectors.apis.messages import Message, message, messages, parsed
from collectors.apis.named import Named
from collectors.apis.stream import assembled
from store.model import Operation

Fields = dict[str, Any]

# Canonical setting ← how APIs spell it, at the top of a request or in its generation settings.
SETTINGS = {
    "temperature": ("temperature",),
    "top_p": ("top_p", "topP"),
    "top_k": ("top_k", "topK"),
    "max_tokens": ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens",
                   "max_tokens_to_sample", "max_new_tokens", "max_gen_len", "maxTokenCount"),
    "seed": ("seed",),
    "frequency_penalty": ("frequency_penalty", "frequencyPenalty"),
    "presence_penalty": ("presence_penalty", "presencePenalty"),
    "n": ("n", "candidateCount", "candidate_count"),
}  # fmt: skip
NESTED = ("inferenceConfig", "generationConfig", "generation_config", "textGenerationConfig",
          "additionalModelRequestFields", "parameters")  # fmt: skip
SETTING = Named(SETTINGS)
SAID = ("messages", "input", "prompt", "contents", "inputText")
TOLD = ("system", "instructions", "systemInstruction", "system_instruction")
REQUEST = Named({
    **SETTINGS, "request_model": ("model", "modelId"), "stream": "stream", "user_id": "user",
    "tools": ("tools", "functions", "toolConfig.tools"), "said": SAID, "told": TOLD,
})  # fmt: skip
WHOLE = ("max_tokens", "seed", "n")
# What has a column of its own, or is content: the rest of a request goes to `params`.
CONTENT = {
    *SAID, *TOLD, "tools", "functions", "toolConfig", "model", "stream", "user", "metadata", *NESTED,
    *(name for names in SETTINGS.values() for name in names),
}  # fmt: skip


def number(value: Any) -> float | None:
    """A setting's value; infinite, NaN and -1 mean that there is none."""
    try:
        found = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) and found != -1 else None


def settings(request: Mapping[str, Any]) -> Fields:
    """The request's settings that have columns; of several spellings the first of `SETTINGS` counts."""
    return _settings(SETTING(request), request)


def _settings(told: Fields, request: Mapping[str, Any]) -> Fields:
    for key in NESTED:
        if key in request and isinstance(request[key], dict):
            told = {**SETTING(request[key]), **told}
    found = {name: value for name in SETTINGS if name in told and (value := number(told[name])) is not None}
    return {name: int(value) if name in WHOLE else value for name, value in found.items()}


def request_fields(request: Mapping[str, Any]) -> Fields:
    """What a request tells of its call."""
    told = REQUEST(request)
    fields = _settings(told, request)
    fields |= {name: told[name] for name in ("request_model", "user_id") if isinstance(told.get(name), str)}
    if isinstance(told.get("stream"), bool):
        fields["stream"] = told["stream"]
    if isinstance(told.get("tools"), list):
        fields["tools_offered"] = len(told["tools"])
    if params := {key: value for key, value in request.items() if key not in CONTENT and value is not None}:
        fields["params"] = dict(sorted(params.items()))
    if asked := _asked(told, request):
        fields["asked"] = asked
    return fields


def _asked(told: Fields, request: Mapping[str, Any]) -> list[Message]:
    """The request's whole input as messages, its system part first."""
    said = told.get("said")
    found = gemini_messages(said) if request.get("contents") else messages(said)
    return _system(told["told"]) + found if told.get("told") else found


def _system(told: Any) -> list[Message]:
    if isinstance(told, dict) and "parts" in told:
        told = told["parts"]
    if isinstance(told, str):
        return messages([{"role": "system", "content": told}])
    return [message({"role": "system", "content": told})] if told else []


def response_fields(response: Mapping[str, Any]) -> Fields:
    """What a response tells of its call; {} when it has no shape we know."""
    for recognised, read in SHAPES:
        if recognised(response):
            return known(read(response))
    return {}


def _chat(response: Mapping[str, Any]) -> Fields:
    choices = [choice for choice in response["choices"] if isinstance(choice, dict)]
    legacy = response.get("object") == "text_completion"
    return {
        **_told_by(response, "openai", "created"),
        "operation": Operation.COMPLETION if legacy else Operation.CHAT,
        "answered": [_choice(choice) for choice in choices],
        "finish_reasons": texts(choice.get("finish_reason") for choice in choices),
        "usage": openai_usage(response.get("usage")),
    }


def _choice(choice: Mapping[str, Any]) -> Message:
    said = choice.get("message") or choice.get("delta")
    said = said if isinstance(said, dict) else {"content": choice.get("text")}
    return message({"role": "assistant", **{k: v for k, v in said.items() if v is not None}}, "assistant")


def _responses(response: Mapping[str, Any]) -> Fields:
    output = [item for item in response.get("output") or [] if isinstance(item, dict)]
    found = [part for item in output for part in message(dict(item), "assistant")["parts"]]
    cut = response.get("incomplete_details")
    reason = cut.get("reason") if isinstance(cut, dict) else response.get("status")
    called = any(part["type"] == "tool_call" for part in found)
    return {
        **_told_by(response, "openai", "created_at"),
        "operation": Operation.CHAT,
        "answered": [{"role": "assistant", "parts": found}] if found else [],
        "finish_reasons": texts(["tool_call" if called and reason == "completed" else reason]),
        "usage": openai_usage(response.get("usage")),
        **error_fields(response.get("error")),
    }


def _embeddings(response: Mapping[str, Any]) -> Fields:
    return {
        **_told_by(response, "openai", "created"),
        "operation": Operation.EMBEDDING,
        "usage": openai_usage(response.get("usage")),
    }


def _anthropic(response: Mapping[str, Any]) -> Fields:
    return {
        **_told_by(response, "anthropic", "created_at"),
        "operation": Operation.CHAT,
        "answered": [message({"role": "assistant", "content": response.get("content")}, "assistant")],
        "finish_reasons": texts([response.get("stop_reason")]),
        "usage": anthropic_usage(response.get("usage")),
    }


def _gemini(response: Mapping[str, Any]) -> Fields:
    candidates = [c for c in response.get("candidates") or [] if isinstance(c, dict)]
    said = [{"role": "assistant", **(c.get("content") or {})} for c in candidates]
    return {
        "made_by": "gcp.gemini",
        "response_model": _text(either(response, "modelVersion", "model_version")),
        "response_id": _text(either(response, "responseId", "response_id")),
        "created": either(response, "createTime", "create_time"),
        "operation": Operation.CHAT,
        "answered": gemini_messages([{**s, "role": "assistant"} for s in said]),
        "finish_reasons": texts(either(c, "finishReason", "finish_reason") for c in candidates),
        "usage": gemini_usage(either(response, "usageMetadata", "usage_metadata")),
    }


def _converse(response: Mapping[str, Any]) -> Fields:
    said = (response.get("output") or {}).get("message") or {}
    metrics = response.get("metrics")
    return {
        "made_by": "aws.bedrock",
        "operation": Operation.CHAT,
        "answered": [message({"role": "assistant", "content": said.get("content")}, "assistant")],
        "finish_reasons": texts([response.get("stopReason")]),
        "latency_ms": number(metrics.get("latencyMs")) if isinstance(metrics, dict) else None,
        "usage": bedrock_usage(response.get("usage")),
    }


NATIVE = Named({
    "said": ("generation", "outputText", "completion", "results.0.outputText", "outputs.0.text", "generations.0.text"),
    "reason": ("stop_reason", "completionReason", "results.0.completionReason", "outputs.0.stop_reason",
               "generations.0.finish_reason", "finish_reason"),
    "input": ("prompt_token_count", "inputTextTokenCount"),
    "output": ("generation_token_count", "totalOutputTextTokenCount", "results.0.tokenCount"),
    "vector": ("embedding", "embeddings"),
})  # fmt: skip


NATIVE_KEYS = ("generation", "outputText", "completion", "results", "outputs", "generations", "inputTextTokenCount")


def _native(response: Mapping[str, Any]) -> Fields:
    """Llama, Titan, Mistral, Cohere and older Claude as Bedrock passes them on."""
    told = NATIVE(response)
    return {
        "operation": Operation.EMBEDDING if "vector" in told else Operation.CHAT,
        "answered": messages(told.get("said"), "assistant"),
        "finish_reasons": texts([told.get("reason")]),
        "usage": {name: told[name] for name in ("input", "output") if name in told},
    }


SHAPES: tuple[tuple[Callable[[Mapping[str, Any]], bool], Callable[[Mapping[str, Any]], Fields]], ...] = (
    (lambda r: isinstance(r.get("choices"), list), _chat),
    (lambda r: r.get("object") == "response" or (isinstance(r.get("output"), list) and "status" in r), _responses),
    (lambda r: r.get("type") == "message" and "content" in r, _anthropic),
    (lambda r: "candidates" in r or "usageMetadata" in r or "usage_metadata" in r, _gemini),
    (lambda r: "stopReason" in r or (isinstance(r.get("output"), dict) and "message" in r["output"]), _converse),
    (lambda r: isinstance(r.get("data"), list) and (r.get("object") == "list" or "usage" in r), _embeddings),
    (lambda r: any(key in r for key in NATIVE_KEYS), _native),
)


def _told_by(response: Mapping[str, Any], made_by: str, created: str) -> Fields:
    return {
        "made_by": made_by,
        "response_id": _text(response.get("id")),
        "response_model": _text(response.get("model")),
        "created": response.get(created),
    }


def error_fields(error: Any) -> Fields:
    """What an error object, or its text, tells."""
    error = parsed(error)
    if not error:
        return {}
    if not isinstance(error, dict):
        return {"error_type": "error", "error_message": str(error)}
    nested = error.get("error")
    inner = nested if isinstance(nested, dict) else error
    kind = next((inner[k] for k in ("type", "error_class", "code", "name", "status") if inner.get(k)), "error")
    status = next((inner[k] for k in ("status", "status_code", "http_status", "code") if _is_http(inner.get(k))), None)
    return known({
        "error_type": folding.error_type(kind),
        "error_message": _text(inner.get("message") or inner.get("error_message")),
        "http_status": int(status) if status is not None else None,
    })  # fmt: skip


def _is_http(value: Any) -> bool:
    return str(value).isdecimal() and 100 <= int(value) <= 599  # noqa: PLR2004 - what HTTP has


def exchange(request: Any, response: Any) -> Fields:
    """Both sides of a call together; either may be missing, or JSON in a text; the answer may be a stream's chunks."""
    request, response = parsed(request), assembled(parsed(response))
    fields = request_fields(request) if isinstance(request, dict) else {}
    if isinstance(response, dict):
        told = response_fields(response)
        if not told and response.get("error"):
            told = error_fields(response)
        fields = {**fields, **told}
    return fields


def texts(values: Iterable[Any]) -> list[str] | None:
    return [str(value) for value in values if value] or None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
