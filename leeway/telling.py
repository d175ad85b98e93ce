"""What of alerting is asked for by hand: a report now, an incident as a file, which rules are noise."""

from pathlib import Path

from alerts import noise
from alerts.messages import postmortem, report
from alerts.messages.neutral import cut, neutral
from alerts.noise import Change, RuleNoise
from alerts.notification import Notification, facts, headline, loads, named_links
from alerts.rule import Rule
from alerts.rules.checked import did_you_mean
from leeway import schedule
from leeway.runtime import Runtime
from store import browse, incidents, outbox
from store.errors import ConfigError
from store.model import Window

BUILT_IN = {one.name: one for one in (report.DAILY, report.WEEKLY)}
LONGEST_TEXT = 200


def told_now(runtime: Runtime, name: str, *, send: bool) -> Notification:
    """The report of that name up to its last due moment, also sent when `send` says so. Raises ConfigError."""
    known = {**BUILT_IN, **{one.name: one for one in runtime.reports}}
    if name not in known:
        raise ConfigError(f"no report is named {name!r}{did_you_mean(name, known)}: see [[report]] in leeway.toml")
    wanted = known[name]
    told = report.compose(wanted, report.due(wanted, runtime.now()), schedule.report_sources(runtime))
    if send:
        _queue(runtime, wanted.channels or runtime.alert_settings.channels or tuple(runtime.channels), told)
    return told


def _queue(runtime: Runtime, channels: tuple[str, ...], told: Notification) -> None:
    if not channels:
        raise ConfigError("nobody is told yet: add a channel to leeway.toml ([channels.NAME])")
    with runtime.store.transaction() as tx:
        for channel in channels:
            outbox.queue(tx, report.queued(channel, told), now=runtime.now())
    runtime.runner.now(runtime.jobs["delivery"])


def as_text(told: Notification) -> str:
    """A message as the terminal shows it."""
    width = max((len(label) for label, _ in facts(told)), default=0) + 2
    lines = [f"{label + ':':<{width}}{neutral(text)}" for label, text in facts(told)]
    return "\n".join([headline(told), "", *lines, "", *(f"{name}: {url}" for name, url in named_links(told))])


def postmortem_of(runtime: Runtime, incident_id: int, *, with_text: bool = False) -> str:
    """An incident as one HTML file. Raises ConfigError when there is none of that number."""
    texts = _texts(runtime, incident_id) if with_text else None
    return postmortem.postmortem(runtime.store, incident_id, now=runtime.now(), texts=texts)


def _texts(runtime: Runtime, incident_id: int) -> dict[str, str]:
    """The beginning of what was asked and answered in the example calls."""
    found = incidents.incident(runtime.store, incident_id, now=runtime.now()).to_dicts()
    told = loads(found[0]["evidence"]).examples if found and found[0]["evidence"] else ()
    calls = {one.call_id: browse.call(runtime.store, call_id=one.call_id) for one in told}
    return {
        call_id: " → ".join(cut(call[part] or "", LONGEST_TEXT) for part in ("input_text", "output_text"))
        for call_id, call in calls.items() if call
    }  # fmt: skip


def default_file(incident_id: int) -> Path:
    return Path(f"incident-{incident_id}.html")


def noisy(runtime: Runtime, window: Window) -> list[RuleNoise]:
    """How every rule that fired in the window behaved, the busiest first."""
    return noise.noise(runtime.store, window)


def quieter(runtime: Runtime, rule: Rule, said: RuleNoise, window: Window) -> Change | None:
    """A change of the rule to try, replayed over the window; None where there is nothing to win. Takes seconds."""

    def proposed(one: Rule, over: Window) -> Rule | None:
        found = runtime.propose(one, over)
        return found.rule if found else None

    return noise.change(rule, said, window, quieter=proposed, replay=runtime.backtest)
