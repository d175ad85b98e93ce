"""Run every benchmark, or those named: `python -m tests.benchmarks [NAME…]`."""

import importlib
import pkgutil
import sys

import tests.benchmarks


def main(wanted: list[str]) -> None:
    names = [m.name.removeprefix("bench_") for m in pkgutil.iter_modules(tests.benchmarks.__path__)
             if m.name.startswith("bench_")]  # fmt: skip
    for name in names:
        if not wanted or name in wanted:
            print(f"\n== {name}", flush=True)
            importlib.import_module(f"tests.benchmarks.bench_{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
