"""A stand-in for OpenAI's API on 127.0.0.1: known answers, known token counts, errors on request."""

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER = "The capital of France is Paris."
USAGE = {
    "prompt_tokens": 120, "completion_tokens": 8, "total_tokens": 128,
    "prompt_tokens_details": {"cached_tokens": 100}, "completion_tokens_details": {"reasoning_tokens": 2},
}  # fmt: skip
_numbers = itertools.count(1)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "fail" in json.dumps(asked["messages"]):
            self._answer(429, {"error": {"message": "slow down", "type": "rate_limit", "code": "rate_limit"}})
        else:
            self._answer(200, completion(asked["model"]))

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Be quiet."""


def completion(model: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-fake{next(_numbers):08d}", "object": "chat.completion", "created": 1_795_000_000,
        "model": f"{model}-2024-07-18", "usage": USAGE,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}],
    }  # fmt: skip


@contextmanager
def fake_model() -> Iterator[str]:
    """Serve until the block ends; gives the base URL for a client."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
