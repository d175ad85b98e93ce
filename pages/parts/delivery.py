"""The channels: whether each can be reached, a test button, and what was sent when."""

from datetime import datetime
from typing import Any, Literal

import polars as pl
import streamlit as st

from alerts import deliver
from pages.parts import asked, tables, units
from pages.parts.text import safe_label
from store import outbox

Colour = Literal["green", "gray", "orange", "red"]
BADGES: dict[str, tuple[str, Colour, str]] = {
    "ok": ("Works", "green", ":material/check_circle:"),
    "unused": ("Never used", "gray", ":material/help:"),
    "failing": ("Failing", "orange", ":material/warning:"),
    "dead": ("Given up", "red", ":material/error:"),
    "gone": ("Not set up", "gray", ":material/link_off:"),
}
LOG_ROWS = 200


def table() -> None:
    runtime = asked.runtime()
    names = list(runtime.channels)
    health = outbox.channel_health(runtime.store, names)
    health = health.filter(pl.col("channel").is_in(names) | (pl.col("health") != "unused"))
    if health.is_empty():
        st.info(
            "Nobody is told yet: no channel is set up. Add one to `leeway.toml` and restart:",
            title="No channels",
            icon=":material/notifications_off:",
        )
        st.code('[channels.team]\ntype = "slack"\nwebhook_url_env = "SLACK_WEBHOOK_URL"', language="toml")
    for row in health.iter_rows(named=True):
        _channel(row, testable=row["channel"] in names)
    _log()


def _channel(row: dict[str, Any], *, testable: bool) -> None:
    word, colour, icon = BADGES[str(row["health"]) if testable else "gone"]
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.badge(word, icon=icon, color=colour, width=110)
        st.markdown(f"**{safe_label(row['channel'])}** · {_told(row)}", width="stretch")
        if testable and st.button("Send a test", key=f"test-{row['channel']}", icon=":material/send:"):
            _test(str(row["channel"]))


def _told(row: dict[str, Any]) -> str:
    now = asked.runtime().now()
    told = [
        _kind(str(row["channel"])),
        f"last delivery {units.ago(row['last_ok_at'], now)}" if row.get("last_ok_at") else "nothing delivered yet",
        f"{row['sent']} sent" if row["sent"] else "",
        _waiting(row, now),
        safe_label(row["error"], 160) if row.get("error") and row["health"] != "ok" else "",
    ]
    return " · ".join(part for part in told if part)


def _kind(name: str) -> str:
    known = asked.runtime().channels.get(name)
    if known is None:
        return ""
    fallback = f", else {safe_label(known.settings.fallback)}" if known.settings.fallback else ""
    return known.channel.name.replace("_", " ") + fallback


def _waiting(row: dict[str, Any], now: datetime) -> str:
    """The backlog, and since when it waits."""
    if not row["waiting"]:
        return ""
    oldest = f", the oldest for {units.span(now - row['oldest_waiting_at'])}" if row.get("oldest_waiting_at") else ""
    return f"{row['waiting']} waiting{oldest}"


def _test(name: str) -> None:
    runtime = asked.runtime()
    tried = deliver.test(runtime.store, runtime.channels[name], runtime.alert_settings, now=runtime.now())
    if tried.ok:
        st.toast(f"{safe_label(name)} took the test message.", icon=":material/check_circle:")
    else:
        st.toast(f"{safe_label(name)} did not take it: {safe_label(tried.error, 200)}", icon=":material/error:")


def _log() -> None:
    log = outbox.deliveries(asked.store(), LOG_ROWS)
    st.markdown("**Delivery log** (UTC)")
    if log.is_empty():
        st.caption("Nothing has been sent.")
        return
    shown = log.select(
        pl.col("attempted_at").dt.strftime("%d %b %H:%M:%S").alias("Time"),
        pl.col("channel").alias("Channel"),
        pl.col("reason").alias("Message"),
        pl.col("incident_id").alias("Incident"),
        pl.col("attempt").alias("Try"),
        pl.when("ok").then(pl.lit("delivered")).otherwise(pl.lit("failed")).alias("Result"),
        pl.col("status_code").alias("Answer"),
        pl.col("duration_ms").round(0).alias("ms"),
        pl.col("error").fill_null("").alias("Error"),
    )
    tables.table(shown, alt="Delivery log")
