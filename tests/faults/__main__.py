"""Play fault rounds and print what each hit; exit 1 when one came to another end than undisturbed."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.rounds import AIMS, PHASES, Bench, Round, play
from tests.faults.training_table import play_all

_COLUMNS = f"{'seed':>5}  {'aim':<10}  {'phase':<10}  {'rows':>5}  {'calls':>5}  {'finished':>8}  {'repeated':>8}  "
_COLUMNS += f"{'unscored':>8}  {'tries':>5}  {'seconds':>7}  equal end"


def line(done: Round) -> str:
    """Write a round as one line, and what is wrong with it below."""
    counts = (
        f"{done.rows:>5}  {done.calls:>5}  {done.finished:>8}  {done.repeated:>8}  {done.unscored:>8}  {done.tries:>5}"
    )
    verdict = "NO" if done.complaints else "yes"
    text = f"{done.seed:>5}  {done.aim:<10}  {done.phase:<10}  {counts}  {done.seconds:>7.1f}  {verdict}"
    return "\n".join([text, *(f"       {complaint}" for complaint in done.complaints)])


def summary(rounds: Sequence[Round], seconds: float) -> str:
    """Count the rounds by the phase that they hit."""
    lines = [f"{'phase':<10}  {'rounds':>6}  {'equal':>5}  {'repeated calls':>14}"]
    for phase in (*PHASES, *sorted({done.phase for done in rounds} - set(PHASES))):
        those = [done for done in rounds if done.phase == phase]
        equal = sum(not done.complaints for done in those)
        repeated = sum(done.repeated for done in those)
        lines.append(f"{phase or 'none':<10}  {len(those):>6}  {equal:>5}  {repeated:>14}")
    again = sum(done.tries - 1 for done in rounds)
    lines.append(f"{len(rounds)} rounds in {seconds:.0f} s; {again} more ended before the kill and were repeated")
    return "\n".join(lines)


def main() -> int:
    """Play what was asked for."""
    parser = argparse.ArgumentParser(prog="dev.py faults", description=__doc__)
    parser.add_argument("--what", choices=("judge", "training", "remote"), default="judge", help="what is spoilt")
    parser.add_argument("--rounds", type=int, help="how many: 50 of the judge, 20 else")
    parser.add_argument("--seed", type=int, default=1, help="of the first; each round takes the next")
    given = parser.parse_args()
    if given.what == "remote":
        from tests.faults import remote_table  # asyncssh need not be there for the others

        return remote_table.play_all(rounds=20 if given.rounds is None else given.rounds, seed=given.seed)
    if given.what == "training":
        return play_all(rounds=20 if given.rounds is None else given.rounds, seed=given.seed)
    return judge_rounds(50 if given.rounds is None else given.rounds, seed=given.seed)


def judge_rounds(count: int, *, seed: int) -> int:
    """Kill the judge so many times."""
    started = time.monotonic()
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="lrstudio-faults-") as folder:
        bench = Bench.prepare(Path(folder))
        print(_COLUMNS, flush=True)
        for number in range(seed, seed + count):
            rounds.append(play(bench, seed=number, aim=AIMS[number % len(AIMS)]))
            print(line(rounds[-1]), flush=True)
    print("\n" + summary(rounds, time.monotonic() - started))
    missed = set(PHASES) - {done.phase for done in rounds} if count >= len(AIMS) else set()
    if missed:
        print(f"never hit: {', '.join(sorted(missed))}")
    return 1 if missed or any(done.complaints for done in rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
