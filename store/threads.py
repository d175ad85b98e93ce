"""Where an incident was told of first, as each receiver names it: what follows goes below that message."""

from collections.abc import Sequence
from dataclasses import dataclass

from store.connection import Store, Transaction

THREAD_SQL = "SELECT ref, shared FROM data.threads WHERE channel = $channel AND incident_id = $incident_id"
BEGIN_SQL = """
    INSERT INTO data.threads VALUES ($channel, $incident_id, $ref, $shared) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """`ref` is the receiver's name for the first message; `shared`: it tells of other incidents too."""

    ref: str
    shared: bool


def thread(store: Store, channel: str, incident_id: int) -> Thread | None:
    for ref, shared in store.read(THREAD_SQL, {"channel": channel, "incident_id": incident_id}).iter_rows():
        return Thread(ref=ref, shared=shared)
    return None


def begin_threads(tx: Transaction, channel: str, incident_ids: Sequence[int], ref: str) -> None:
    """Note the first message of these incidents; those that have one keep it."""
    for incident_id in incident_ids:
        row = {"channel": channel, "incident_id": incident_id, "ref": ref, "shared": len(incident_ids) > 1}
        tx.execute(BEGIN_SQL, row)
