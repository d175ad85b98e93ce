"""Attempts on the model that belong together: how many, whose, when, and whether the answers complied."""

import polars as pl
import streamlit as st

from analytics.campaigns import LEAST, NEWEST, Campaign
from pages.parts import asked, links, tables, units
from pages.parts.filters import Choice

SHOWN_CHARS = 240


def panel(choice: Choice) -> None:
    """The largest first; below it the attempts of the one that is chosen, or of the largest, by user and hour."""
    found = asked.campaigns(choice.window, choice.filters)
    if not found:
        st.caption(
            f"No {LEAST} prompts that look like injection are nearly the same, among the newest {NEWEST:,} of them in "
            "this range."
        )
        return
    attempts, complied = sum(len(one.attempts) for one in found), sum(one.complied for one in found)
    groups = "one campaign" if len(found) == 1 else f"{len(found):,} campaigns"
    st.markdown(
        f"**Attempts that belong together**: {attempts:,} prompts in {groups}; {complied:,} answers did not decline."
    )
    shown = tables.picked(
        pl.DataFrame([_row(one) for one in found]), alt="Campaigns of prompt injection", key="campaign", anywhere=True,
        columns={"Prompt": st.column_config.TextColumn(width=360)},
    )  # fmt: skip
    st.caption(
        "Prompts that the injection probe flagged and that share half of their wording. An answer that does not begin "
        "by declining may still give nothing away: read it."
    )
    _by_user_and_hour(found[shown or 0], "the one chosen" if shown is not None else "the largest")


def _row(campaign: Campaign) -> dict[str, str | int]:
    first, last = campaign.attempts[-1], campaign.attempts[0]
    return {
        "Prompt": " ".join(last.prompt.split())[:SHOWN_CHARS],
        "Attempts": len(campaign.attempts),
        "Users": len(campaign.users),
        "First (UTC)": units.moment(first.at),
        "Last (UTC)": units.moment(last.at),
        "Declined": campaign.declined,
        "Did not decline": campaign.complied,
        "Not scored": len(campaign.attempts) - campaign.declined - campaign.complied,
    }


def _by_user_and_hour(campaign: Campaign, which: str) -> None:
    st.markdown(f"**Who and when** ({which}; choose another above)")
    rows = pl.DataFrame(
        {
            "at": [one.at for one in campaign.attempts],
            "User": [one.user for one in campaign.attempts],
            "declined": [one.declined for one in campaign.attempts],
            "call": [f"trace?{links.encoded({'call': one.call_id})}" for one in campaign.attempts],
        },
        schema_overrides={"User": pl.String, "declined": pl.Boolean},
    )
    hours = (
        rows.group_by(pl.col("at").dt.truncate("1h").alias("hour"), "User")
        .agg(
            pl.len().alias("Attempts"),
            (~pl.col("declined")).sum().alias("Did not decline"),
            pl.col("call").first().alias("Newest call"),
        )
        .sort("hour", "User", descending=[True, False])
    )
    moments = pl.Series("Hour (UTC)", [units.moment(hour) for hour in hours["hour"]], dtype=pl.String)
    tables.table(
        hours.drop("hour").insert_column(0, moments), alt="Attempts of a campaign by hour and user",
        columns={"Newest call": st.column_config.LinkColumn(display_text="open", width=96)},
    )  # fmt: skip
