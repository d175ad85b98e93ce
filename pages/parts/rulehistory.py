"""Rules over time and elsewhere: every version of one, and all of them as a file, out and in."""

from itertools import pairwise

import orjson
import polars as pl
import streamlit as st

from alerts.noise import differences
from alerts.rules import rulebook
from alerts.rules.rulefile import rule_from
from analytics.metric import metrics
from pages.parts import alarms, asked, tables, units
from pages.parts.text import safe_label
from store import rules
from store.errors import LeewayError
from store.rules import StoredRule

MOST = 20


def file() -> None:
    """All rules as an `alerts.toml`, and such a file read beside those there are."""
    with st.popover("File", icon=":material/description:"):
        store = asked.store()
        st.download_button(
            "Save all rules as alerts.toml", lambda: rulebook.written(store), file_name="alerts.toml",
            on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        given = st.file_uploader("Read rules from a file", type="toml", max_upload_size=1)
        if given is not None and st.button("Read them", icon=":material/upload:"):
            _read(given.getvalue())


def _read(body: bytes) -> None:
    try:
        text = body.decode()
        kept = rulebook.read(asked.store(), text, metrics=metrics(), by=asked.ACTOR, now=asked.runtime().now())
    except UnicodeDecodeError:
        st.error("The file is not UTF-8 text; nothing was kept.", icon=":material/error:")
    except LeewayError as error:
        st.error(f"{safe_label(str(error), 300)}. Nothing was kept.", icon=":material/error:")
    else:
        alarms.forget()
        st.success(f"{len(kept)} rules were read.", icon=":material/check_circle:")


def versions(stored: StoredRule) -> None:
    """Who changed what, and a way back."""
    known = rules.rule_versions(asked.store(), stored.rule_id).head(MOST)
    with st.expander(f"Versions of {safe_label(stored.rule_id)} ({known.height})"):
        told = known.with_columns(_changes(known))
        shown = told.select(
            pl.col("version").alias("Version"),
            pl.col("updated_at").map_elements(units.moment, pl.String).alias("When (UTC)"),
            pl.col("updated_by").alias("By"),
            pl.col("changes").alias("What changed"),
        )
        at = tables.picked(shown, alt="Versions of the rule", key=f"versions-{stored.rule_id}")
        older = None if at is None else int(known["version"][at])
        if older not in (None, stored.version):
            st.button(
                f"Make version {older} the rule again", icon=":material/undo:", on_click=_restore,
                args=(stored.rule_id, older),
            )  # fmt: skip


def _changes(known: pl.DataFrame) -> pl.Series:
    """What each version changed of the one before it; `known` has the newest first."""
    read = [rule_from(orjson.loads(text), where="version") for text in known["definition"]]
    told = [", ".join(differences(old, new)) or "words only" for new, old in pairwise(read)]
    first = "first version" if known["version"].min() == 1 else ""
    return pl.Series("changes", [*told, first][: known.height], pl.String)


def _restore(rule_id: str, version: int) -> None:
    rulebook.restore(asked.store(), rule_id, version, by=asked.ACTOR, now=asked.runtime().now())
    alarms.forget()
