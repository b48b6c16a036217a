"""Play fault rounds of training and print what each hit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.run_moments import AIMS, PHASES, RECIPES
from tests.faults.training_bench import Bench
from tests.faults.training_rounds import VICTIMS, Round, play

_COLUMNS = f"{'seed':>5}  {'recipe':<6}  {'victim':<10}  {'aim':<10}  {'phase':<10}  {'step':>4}  "
_COLUMNS += (
    f"{'saved':>5}  {'attempts':>8}  {'resumed from':>12}  {'run again':>9}  {'tries':>5}  {'seconds':>7}  equal end"
)


def line(done: Round) -> str:
    """Write a round as one line, and what is wrong with it below."""
    resumed = "-" if done.resumed is None else done.resumed
    text = f"{done.seed:>5}  {done.recipe:<6}  {done.victim:<10}  {done.aim:<10}  {done.phase:<10}  {done.step:>4}  "
    text += (
        f"{done.saved:>5}  {done.attempts:>8}  {resumed:>12}  {done.again:>9}  {done.tries:>5}  {done.seconds:>7.1f}  "
    )
    text += "NO" if done.complaints else "yes"
    return "\n".join([text, *(f"       {complaint}" for complaint in done.complaints)])


def summary(rounds: Sequence[Round], seconds: float) -> str:
    """Count the rounds by victim, by recipe and by the phase that they hit, those with an equal end first."""
    lines = [f"{'':<10}  " + "  ".join(f"{phase:>10}" for phase in (*PHASES, "all"))]
    for victim in (*VICTIMS, *RECIPES, "all"):
        those = [done for done in rounds if victim in (done.victim, done.recipe, "all")]
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
    """Play so many rounds for each victim, the recipes in turn; 1 where an end is unlike or a phase was never hit."""
    started = time.monotonic()
    played: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="lrstudio-faults-") as folder:
        benches = {}
        for recipe in RECIPES if rounds >= len(RECIPES) else RECIPES[:1]:
            (Path(folder) / recipe).mkdir()
            benches[recipe] = Bench.prepare(Path(folder) / recipe, recipe)
        print(_COLUMNS, flush=True)
        for number in range(seed, seed + rounds):
            aim, recipe = AIMS[number % len(AIMS)], list(benches)[(number + number // len(AIMS)) % len(benches)]
            for victim in VICTIMS:
                what = "round" if recipe == "sppo" and aim == "evaluation" else aim
                played.append(play(benches[recipe], seed=number, victim=victim, aim=what))
                print(line(played[-1]), flush=True)
    print("\nequal ends of all rounds, by victim, recipe and phase\n" + summary(played, time.monotonic() - started))
    missed = set(PHASES) - {done.phase for done in played} if rounds >= len(AIMS) * len(RECIPES) else set()
    if missed:
        print(f"never hit: {', '.join(sorted(missed))}")
    return 1 if missed or any(done.complaints for done in played) else 0
