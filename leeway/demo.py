"""`leeway demo`: two days of traffic with planted incidents, taken in and watched as if live."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from leeway.demo_traffic.traffic import Traffic, traffic
from store.calls import Appended, append_calls, call_table
from store.connection import Store, StoreSettings
from store.errors import ConfigError

SEED = 2023


def sample_folder() -> Path:
    """Where the sample data lies: beside the code in a checkout, inside the package when installed."""
    here = Path(__file__).resolve().parent
    for folder in (here.parent / "sample_logs", here / "sample_logs"):
        if folder.is_dir():
            return folder
    raise ConfigError(f"no sample_logs beside {here}: run the demo from a checkout, or install Leeway again")


def fill(store: Store, made: Traffic, *, now: datetime) -> Appended:
    """Put the traffic's calls straight into `store`: quick, for pages and tests that want numbers only."""
    calls = [*made.logged, *(call for exchange in made.traced for call in exchange.calls)]
    with store.transaction() as tx:
        return append_calls(tx, call_table(calls, source_id=None, ingested_at=now))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m leeway.demo", description=fill.__doc__)
    parser.add_argument("--fill", type=Path, required=True, metavar="PATH", help="the database to fill")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    now = datetime.now(UTC)
    with Store(StoreSettings(path=given.fill)) as store:
        done = fill(store, traffic(sample_folder(), now=now, seed=given.seed), now=now)
    print(f"{given.fill}: {done.calls} calls of two days")  # noqa: T201 - what a command says


if __name__ == "__main__":
    main()
