"""LangChain's own words: a model run's result, usage and messages; LangSmith and callback logs both hold them."""

from collections.abc import Mapping
from typing import Any

from collectors import folding
from collectors.apis.counts import as_object, either, known, openai_usage
from collectors.apis.exchange import Fields, settings, texts
from collectors.apis.messages import Message, messages
from store.model import Operation

SESSION = ("session_id", "thread_id", "conversation_id", "ls_session_id")
NONE: list[Message] = [{"role": "assistant", "parts": []}]
USER = ("user_id", "user", "ls_user_id")


def request(metadata: Mapping[str, Any], params: Mapping[str, Any]) -> Fields:
    """What a run tells before it starts: the model, who asks, the settings."""
    tools = params.get("tools")
    return known({
        **settings(params),
        "request_model": metadata.get("ls_model_name") or params.get("model") or params.get("model_name"),
        "provider": folding.provider(metadata.get("ls_provider")) or None,
        "stream": params.get("stream") if isinstance(params.get("stream"), bool) else None,
        "tools_offered": len(tools) if isinstance(tools, list) else None,
        **who(metadata),
    })  # fmt: skip


def who(metadata: Mapping[str, Any]) -> Fields:
    session = next((metadata[name] for name in SESSION if metadata.get(name)), None)
    user = next((metadata[name] for name in USER if metadata.get(name)), None)
    return known({"session_id": session, "user_id": user})


def asked(inputs: Any) -> list[Message]:
    """Messages of a chat model, or the prompts of a text model."""
    if isinstance(inputs, Mapping):
        inputs = inputs.get("messages") or inputs.get("prompts") or inputs.get("prompt") or inputs.get("input")
    return messages(inputs)


def result(outputs: Any) -> Fields:
    """What an LLMResult tells: the answer, its usage, the provider's own ids."""
    if not isinstance(outputs, Mapping):
        return {}
    generation = _first(outputs.get("generations"))
    said = as_object(generation.get("message"))
    body = as_object(said.get("kwargs")) or said
    about, info = as_object(body.get("response_metadata")), as_object(generation.get("generation_info"))
    all_told = as_object(outputs.get("llm_output"))
    counted = about.get("token_usage") or about.get("usage") or all_told.get("token_usage")
    answer = (messages(dict(said), "assistant") or messages(str(generation.get("text") or ""), "assistant") or NONE)[0]
    return known({
        "answered": [{**answer, "role": "assistant"}] if answer["parts"] else [],
        "response_model": about.get("model_name") or about.get("model") or all_told.get("model_name"),
        "response_id": about.get("id") or all_told.get("id"),
        "finish_reasons": texts([about.get("finish_reason") or about.get("stop_reason") or info.get("finish_reason")]),
        "usage": usage(body.get("usage_metadata")) or openai_usage(counted),
        "provider": folding.provider(about.get("model_provider")),
        "operation": Operation.CHAT,
    })  # fmt: skip


def _first(generations: Any) -> Mapping[str, Any]:
    while isinstance(generations, list):
        generations = generations[0] if generations else {}
    return generations if isinstance(generations, Mapping) else {}


def usage(told: Any) -> Fields:
    """LangChain's usage_metadata; its input and output are whole."""
    if not isinstance(told, Mapping):
        return {}
    ins, outs = as_object(told.get("input_token_details")), as_object(told.get("output_token_details"))
    return known({
        "input": told.get("input_tokens"), "output": told.get("output_tokens"), "total": told.get("total_tokens"),
        "cache_read": ins.get("cache_read"), "cache_write": either(ins, "cache_creation", "cache_write"),
        "reasoning": outs.get("reasoning"),
    })  # fmt: skip


def documents(found: Any) -> list[dict[str, Any]]:
    """What a retriever returned, as `{content, id, metadata}`."""
    if isinstance(found, Mapping):
        found = found.get("documents") or found.get("output")
    return [_document(item) for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def _document(item: Mapping[str, Any]) -> dict[str, Any]:
    body = as_object(item.get("kwargs")) or item
    return known({
        "content": body.get("page_content") or body.get("content"), "id": body.get("id"),
        "score": body.get("score"), "metadata": body.get("metadata"),
    })  # fmt: skip


def error(said: Any) -> Fields:
    """The class and words of an error that was written as text, with or without its traceback."""
    if not said:
        return {}
    text = str(said)
    last = next((line for line in reversed(text.strip().split("\n")) if line.strip()), text)
    head = text.partition("(")[0] if text.partition("(")[0].isidentifier() else last.partition(":")[0]
    name = head.rsplit(".", 1)[-1].strip()
    return {"error_type": name if name.isidentifier() else "error", "error_message": text[:4000]}
