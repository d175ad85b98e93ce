"""Folding: one spelling for the words that every client spells its own way."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from store.model import Operation

FINISH = {
    "stop": "stop", "end_turn": "stop", "stop_sequence": "stop", "eos": "stop", "eos_token": "stop",
    "completed": "stop", "complete": "stop", "finish": "stop", "finished": "stop", "end": "stop", "pause_turn": "stop",
    "length": "length", "max_tokens": "length", "max_output_tokens": "length", "incomplete": "length",
    "model_length": "length", "model_context_window_exceeded": "length", "token_limit": "length",
    "tool_call": "tool_call", "tool_calls": "tool_call", "tool-calls": "tool_call", "tool_use": "tool_call",
    "function_call": "tool_call", "tool": "tool_call",
    "content_filter": "content_filter", "content-filter": "content_filter", "content_filtered": "content_filter",
    "safety": "content_filter", "refusal": "content_filter", "guardrail_intervened": "content_filter",
    "recitation": "content_filter", "prohibited_content": "content_filter", "blocklist": "content_filter",
    "error": "error", "failed": "error", "malformed_function_call": "error",
}  # fmt: skip

PROVIDERS = {
    "az.ai.openai": "azure.ai.openai", "azure": "azure.ai.openai", "azure_openai": "azure.ai.openai",
    "azure-openai": "azure.ai.openai", "az.ai.inference": "azure.ai.inference", "azure_ai": "azure.ai.inference",
    "vertex_ai": "gcp.vertex_ai", "google_vertexai": "gcp.vertex_ai", "vertexai": "gcp.vertex_ai",
    "gemini": "gcp.gemini", "google": "gcp.gemini", "google_genai": "gcp.gemini", "google-ai": "gcp.gemini",
    "xai": "x_ai", "ibm.watson.ai": "ibm.watsonx.ai", "watsonx": "ibm.watsonx.ai", "mistral": "mistral_ai",
    "mistralai": "mistral_ai", "bedrock": "aws.bedrock", "amazon_bedrock": "aws.bedrock", "aws": "aws.bedrock",
    "bedrock_converse": "aws.bedrock", "amazon": "aws.bedrock", "moonshot": "moonshot_ai", "_other": "",
    "perplexity-ai": "perplexity",
}  # fmt: skip

MODEL_MAKERS = re.compile(
    r"(?P<openai>gpt-|o\d|chatgpt|text-embedding-|davinci|babbage|dall-e|whisper|ft:gpt)|(?P<anthropic>claude)"
    r"|(?P<gemini>gemini|gemma)|(?P<mistral>mistral|mixtral|codestral|ministral)|(?P<cohere>command|embed-)"
    r"|(?P<deepseek>deepseek)|(?P<xai>grok)"
)

# How only Bedrock names models: who made it, with a dot, maybe behind a region's profile.
BEDROCK = re.compile(
    r"((us|us-gov|eu|apac|jp|au|global)\.)?(anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|stability|writer|qwen)"
    r"\.[a-z]"
)

OPERATIONS = (
    (re.compile(r"embed"), Operation.EMBEDDING),
    (re.compile(r"rerank"), Operation.RERANK),
    (re.compile(r"image"), Operation.IMAGE),
    (re.compile(r"audio|speech|transcri|translat"), Operation.AUDIO),
    (re.compile(r"chat|response|message|converse|generate_?content"), Operation.CHAT),
    (re.compile(r"text_completion|^completions?_create$|(^|/)completions$"), Operation.COMPLETION),
)


LONGEST = 200  # characters of what may be a word that comes again
Folded = TypeVar("Folded")


def _remembered(fold: Callable[[str], Folded]) -> Callable[[str], Folded]:
    """Fold each word once: a log's millions of calls have but a few."""
    known = lru_cache(1024)(fold)
    return lambda said: known(said) if len(said) <= LONGEST else fold(said)


def finish_reason(said: object) -> str | None:
    """One of stop, length, tool_call, content_filter, error, other; None when nothing was said."""
    return _finish_reason(said) if said and isinstance(said, str) else None


@_remembered
def _finish_reason(said: str) -> str:
    word = said.rsplit(".", 1)[-1].lower()  # FinishReason.STOP
    return FINISH.get(word) or FINISH.get(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", said).lower(), "other")


def provider(said: object) -> str | None:
    """The name the GenAI conventions use."""
    return _provider(said) if said and isinstance(said, str) else None


@_remembered
def _provider(said: str) -> str | None:
    word = said.strip().lower()
    word = word.split(".", 1)[0] if word.startswith(("openai.", "anthropic.")) else word  # openai.chat
    return PROVIDERS.get(word, word) or None


@lru_cache(1024)
def maker(model: str | None) -> str | None:
    """The provider that a model's name gives away, when nothing else names one."""
    if not model:
        return None
    name = model.rsplit("/", 1)[-1].lower()
    if BEDROCK.match(name):
        return "aws.bedrock"
    found = MODEL_MAKERS.match(name)
    return provider(found.lastgroup) if found else None


def error_type(said: object) -> str | None:
    """The last part of a class: `<class 'openai.RateLimitError'>` is RateLimitError."""
    return None if said is None or said == "" else _error_type(str(said))


@_remembered
def _error_type(said: str) -> str:
    word = re.sub(r"^<class '(.*)'>$", r"\1", said.strip())
    return word.rsplit(".", 1)[-1] if re.fullmatch(r"[\w.]+", word) else word[:200]


def operation(said: object) -> Operation | None:
    """What kind of call an API path, a route or an operation's name stands for; None when it does not tell."""
    return _operation(str(said).lower()) if said else None


@_remembered
def _operation(word: str) -> Operation | None:
    return next((kind for pattern, kind in OPERATIONS if pattern.search(word)), None)
