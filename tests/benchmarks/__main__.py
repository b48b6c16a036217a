"""Print every ratio with its bound; with --check exit 1 when one is beyond it."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator

import tests.benchmarks
from tests.benchmarks import Benchmark, Ratio

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def benchmarks(names: list[str]) -> Iterator[Benchmark]:
    """Yield the benchmarks whose module or function is named, all of them without names."""
    for module in sorted(info.name for info in pkgutil.iter_modules(tests.benchmarks.__path__)):
        if module.startswith("_"):
            continue
        for benchmark in getattr(importlib.import_module(f"tests.benchmarks.{module}"), "BENCHMARKS", ()):
            if not names or module in names or benchmark.__name__ in names:
                yield benchmark


def line(ratio: Ratio) -> str:
    """Write a ratio as one line."""
    verdict = "ok" if ratio.within else "BEYOND"
    return f"{verdict:>6}  {ratio.value:6.2f}  of at most {ratio.bound:5.2f}  {ratio.name}: {ratio.detail}"


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a ratio is beyond its bound")
    parser.add_argument("names", nargs="*", metavar="NAME", help="modules or benchmarks; all without")
    arguments = parser.parse_args()
    chosen = list(benchmarks(arguments.names))
    if not chosen:
        parser.error(f"no benchmark is called {' or '.join(arguments.names)}")
    beyond = 0
    for benchmark in chosen:
        for ratio in benchmark():
            print(line(ratio), flush=True)
            beyond += not ratio.within
    return 1 if beyond and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
