"""Play fault rounds of training and print what each hit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.run_moments import AIMS, PHASES
from tests.faults.training_bench import Bench
from tests.faults.training_rounds import VICTIMS, Round, play

_COLUMNS = f"{'seed':>5}  {'victim':<10}  {'aim':<10}  {'phase':<10}  {'step':>4}  {'saved':>5}  {'attempts':>8}  "
_COLUMNS += f"{'resumed from':>12}  {'run again':>9}  {'tries':>5}  {'seconds':>7}  equal end"


def line(done: Round) -> str:
    """Write a round as one line, and what is wrong with it below."""
    resumed = "-" if done.resumed is None else done.resumed
    text = f"{done.seed:>5}  {done.victim:<10}  {done.aim:<10}  {done.phase:<10}  {done.step:>4}  {done.saved:>5}  "
    text += f"{done.attempts:>8}  {resumed:>12}  {done.again:>9}  {done.tries:>5}  {done.seconds:>7.1f}  "
    text += "NO" if done.complaints else "yes"
    return "\n".join([text, *(f"       {complaint}" for complaint in done.complaints)])


def summary(rounds: Sequence[Round], seconds: float) -> str:
    """Count the rounds by victim and by the phase that they hit, those with an equal end first."""
    lines = [f"{'victim':<10}  " + "  ".join(f"{phase:>10}" for phase in (*PHASES, "all"))]
    for victim in (*VICTIMS, "all"):
        those = [done for done in rounds if victim in (done.victim, "all")]
        cells = [_cell([done for done in those if phase in (done.phase, "all")]) for phase in (*PHASES, "all")]
        lines.append(f"{victim:<10}  " + "  ".join(f"{cell:>10}" for cell in cells))
    again = sum(done.again for done in rounds)
    tries = sum(done.tries - 1 for done in rounds)
    lines.append(
        f"{len(rounds)} rounds in {seconds:.0f} s; {again} steps were run again, to the same numbers where the end is "
        f"equal; {tries} more ended before the kill and were repeated"
    )
    return "\n".join(lines)


def _cell(rounds: Sequence[Round]) -> str:
    return f"{sum(not done.complaints for done in rounds)}/{len(rounds)}"


def play_all(*, rounds: int, seed: int) -> int:
    """Play so many rounds for each victim; 1 where one came to another end, or a phase was never hit."""
    started = time.monotonic()
    played: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="lrstudio-faults-") as folder:
        bench = Bench.prepare(Path(folder))
        print(_COLUMNS, flush=True)
        for number in range(seed, seed + rounds):
            for victim in VICTIMS:
                played.append(play(bench, seed=number, victim=victim, aim=AIMS[number % len(AIMS)]))
                print(line(played[-1]), flush=True)
    print("\nequal ends of all rounds, by victim and phase\n" + summary(played, time.monotonic() - started))
    missed = set(PHASES) - {done.phase for done in played} if rounds >= len(AIMS) else set()
    if missed:
        print(f"never hit: {', '.join(sorted(missed))}")
    return 1 if missed or any(done.complaints for done in played) else 0
