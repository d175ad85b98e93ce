"""Which jobs there are, how often they run, and what of the shelves each of them calls."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from alerts import deliver, evaluate
from analytics import drift, embedding, metric, prices, rollup, scoring
from leeway.jobs import Counts, Job

if TYPE_CHECKING:
    from leeway.runtime import Runtime

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
