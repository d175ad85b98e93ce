"""The nouns of alerting: where an alert stands, whether its rule can see, how bad it is."""

from enum import StrEnum


class State(StrEnum):
    """Where an alert stands (Prometheus; RECOVERING is its keep_firing_for)."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"


class Health(StrEnum):
    """Whether a rule can see, beside what it sees."""

    OK = "ok"
    NO_DATA = "no_data"
    ERROR = "error"
    INSUFFICIENT_BASELINE = "insufficient_baseline"
    PAUSED = "paused"


class Severity(StrEnum):
    WARNING = "warning"
    CRITICAL = "critical"
