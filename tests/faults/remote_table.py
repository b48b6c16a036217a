"""Play fault rounds of runs on hosts and print what happened in each."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.remote_rounds import FAULTS, Round, an_order, play

_COLUMNS = f"{'seed':>5}  {'attempts':>8}  {'logins':>6}  {'unnoticed':>9}  {'seconds':>7}  {'equal end':<9}  order"


def line(done: Round) -> str:
    """Write a round as one line, and what is wrong with it below."""
    silent = f"{done.noticed:.1f} s" if done.noticed else "-"
    text = f"{done.seed:>5}  {done.attempts:>8}  {done.logins:>6}  {silent:>9}  {done.seconds:>7.1f}  "
    text += f"{'NO' if done.complaints else 'yes':<9}  {', '.join(done.order)}"
    return "\n".join([text, *(f"       {complaint}" for complaint in done.complaints)])


def summary(rounds: Sequence[Round], seconds: float) -> str:
    """Count the rounds by what happened in them, those with an equal end first."""
    lines = []
    for what in FAULTS:
        those = [done for done in rounds if what in done.order]
        lines.append(f"{what:<20}  {sum(not it.complaints for it in those):>3}/{len(those)}")
    good = sum(not it.complaints for it in rounds)
    longest = max((it.noticed for it in rounds), default=0.0)
    lines.append(
        f"{'all':<20}  {good:>3}/{len(rounds)} in {seconds:.0f} s; a silent host went unnoticed {longest:.1f} s"
    )
    return "\n".join(lines)


def play_all(*, rounds: int, seed: int) -> int:
    """Play so many rounds; 1 where one came to another end."""
    started = time.monotonic()
    played: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="lrstudio-faults-") as folder:
        os.environ["HOME"] = folder  # the keys and known hosts of the rounds are no one else's
        print(_COLUMNS, flush=True)
        for number in range(seed, seed + rounds):
            played.append(play(Path(folder), seed=number, order=an_order(number)))
            print(line(played[-1]), flush=True)
    print("\nequal ends of all rounds, by what happened\n" + summary(played, time.monotonic() - started))
    return 1 if any(done.complaints for done in played) else 0
