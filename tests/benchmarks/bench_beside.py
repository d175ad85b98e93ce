"""What scoring costs those who look: 20 sessions, each clicking every few seconds, without and with scoring beside.

Target: p95 within 20 %. Sessions speak Streamlit's own protocol over WebSockets: twenty browsers would measure
themselves. The scoring worker is niced and has one thread, as always. `LEEWAY_BENCH_DEMO` names a demo database.
"""

import asyncio
import random
import statistics
import time

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from tests.benchmarks.on_demo import serving
from tests.serving import Serving

SESSIONS, SECONDS, EVERY_S = 20, 40, 5.0
RANGES = ("6h", "24h", "7d")
AGAIN = ("toxicity", "relevance", "ungrounded", "refusal", "empty")
SEED = 5


async def click(socket: ClientConnection, query: str) -> float:
    """Run the page once more; milliseconds until its script has finished."""
    asked = BackMsg()
    asked.rerun_script.query_string = query
    begun = time.perf_counter()
    await socket.send(asked.SerializeToString())
    while True:
        told = ForwardMsg.FromString(await socket.recv())  # type: ignore[arg-type]
        if told.WhichOneof("type") == "script_finished":
            return (time.perf_counter() - begun) * 1000


async def session(url: str, number: int, until: float) -> list[float]:
    chance = random.Random(SEED + number)
    times = []
    async with connect(url, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
        await click(socket, f"range={chance.choice(RANGES)}")
        while time.monotonic() < until:
            await asyncio.sleep(chance.uniform(0, 2 * EVERY_S))
            times.append(await click(socket, f"range={chance.choice(RANGES)}"))
    return times


async def clicks(url: str) -> list[float]:
    until = time.monotonic() + SECONDS
    found = await asyncio.gather(*(session(url, number, until) for number in range(SESSIONS)))
    return sorted(value for times in found for value in times)


async def scored_again(client: httpx.AsyncClient, url: str) -> None:
    """All calls by every model, over and over; a request that finds the job at it already waits for nothing."""
    while True:
        answer = await client.post(f"{url}/api/analyze", json={"jobs": ["scores"], "again": list(AGAIN)})
        await asyncio.sleep(0 if answer.json() else 5)


async def measured(server: Serving) -> None:
    url = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    await clicks(url)  # whatever is cold becomes warm
    alone = await clicks(url)
    async with httpx.AsyncClient(timeout=3600) as client:
        scoring = asyncio.create_task(scored_again(client, server.url))
        await asyncio.sleep(15)  # the models are loaded
        beside = await clicks(url)
        scoring.cancel()
    for name, times in (("alone", alone), ("beside scoring", beside)):
        print(f"{name:15} {len(times)} clicks: p50 {statistics.median(times):.0f} ms, p95 {p95(times):.0f} ms")
    print(f"p95 {p95(beside) / p95(alone) - 1:+.0%} (target +20 %)")


def p95(times: list[float]) -> float:
    return times[int(len(times) * 0.95)]


def main() -> None:
    with serving() as server:
        asyncio.run(measured(server))


if __name__ == "__main__":
    main()
