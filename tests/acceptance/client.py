"""A small application with a real SDK, a real instrumentation and the official exporter; run as a process.

client.py MODEL_URL OTLP_URL CALLS FAILURES
"""

import contextlib
import sys

import openai
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def main(model_url: str, otlp_url: str, calls: int, failures: int) -> None:
    provider = TracerProvider(
        resource=Resource({"service.name": "travel-agent", "deployment.environment.name": "test"})
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{otlp_url}/v1/traces")))
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    client = openai.OpenAI(base_url=model_url, api_key="none", max_retries=0)
    for number in range(calls + failures):
        question = f"What is the capital of France? ({number})" if number < calls else f"please fail ({number})"
        with contextlib.suppress(openai.RateLimitError):
            client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": question}])
    provider.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
