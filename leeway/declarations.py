"""What the settings and the rules file declare of alerting: rules, inhibitions, reports, and whom they name."""

from alerts.channel import configured
from alerts.delivery.inhibition import Inhibition, inhibition_from, inhibitions_from_file
from alerts.messages.report import Report, report_from
from alerts.rule import Rule
from alerts.rules.checked import did_you_mean
from alerts.rules.rulefile import rule_from, rules_from_file
from analytics.metric import metrics
from leeway.config import Settings
from store.errors import ConfigError


def rules_of(settings: Settings) -> list[Rule]:
    """Return the rules of `[[rule]]` tables and of the rules file. Raises ConfigError where one is wrong."""
    known = metrics()
    inline = [rule_from(table, where="leeway.toml", metrics=known) for table in settings.rule]
    file = settings.rules_file
    return [*inline, *(rules_from_file(file, known) if file else [])]


def inhibitions_of(settings: Settings) -> list[Inhibition]:
    """Return the `[[inhibit]]` tables of the settings and of the rules file. Raises ConfigError where one is wrong."""
    inline = [inhibition_from(table, where="leeway.toml") for table in settings.inhibit]
    return [*inline, *(inhibitions_from_file(settings.rules_file) if settings.rules_file else [])]


def reports_of(settings: Settings) -> list[Report]:
    """Return the `[[report]]` tables. Raises ConfigError where one is wrong."""
    return [report_from(table, where="leeway.toml") for table in settings.report]


def validated(settings: Settings) -> None:
    """Raise ConfigError for what would stop a server, or leave somebody untold: whoever is named must be there."""
    inhibitions_of(settings)
    known = configured(settings.channels)
    named = [(f"rule {one.id!r}", one.channels) for one in rules_of(settings)]
    named += [(f"report {one.name!r}", one.channels) for one in reports_of(settings)]
    for who, wanted in [*named, ("alerts.channels", settings.alerts.channels or ())]:
        for name in wanted:
            if name not in known:
                raise ConfigError(f"{who}: no channel is named {name!r}{did_you_mean(name, known)}")
