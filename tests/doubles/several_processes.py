"""Trainers of some runs, one after the other, in the processes that `accelerate launch` starts once for all of them.

`... -m tests.doubles.several_processes JOB...`, each job `FOLDER:ATTEMPT:STEP`: the attempt is told to stop behind that
step; 0 lets it end by itself. Starting processes is what costs time, so the tests share them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from lrstudio.domain.errors import StudioError
from lrstudio.training.spool import Orders, SilentSpool, Spool
from lrstudio.training.wire import Kind
from lrstudio.worker import as_one, ranks
from lrstudio.worker.preflight import preflight
from lrstudio.worker.spread import Spread, Whole
from lrstudio.worker.starting import wanted
from lrstudio.worker.train import train


class StoppingSpool(Spool):
    """A spool that gives the order to stop behind a step, as a supervisor would."""

    def __init__(self, run: Path, *, attempt: int, orders: Orders, behind: int) -> None:
        super().__init__(run, attempt=attempt)
        self._orders, self._behind = orders, behind

    def metrics(self, step: int, **metrics: float) -> None:
        super().metrics(step, **metrics)
        if step == self._behind:
            self._orders.stop.set()


class Forgetful(Whole):
    """What a broken network would make of the gradients: each process keeps its own."""

    def add_up(self, weights: Sequence[Any]) -> None:
        pass


def forget(of: ranks.Ranks, model: Any, options: Any) -> Spread:
    return Forgetful(of)


def job(words: str, together: ranks.Ranks) -> None:
    folder, attempt, behind = words.rsplit(":", 2)
    run = Path(folder)
    orders = Orders(None)
    spool: Spool = SilentSpool()
    if together.first:
        spool = StoppingSpool(run, attempt=int(attempt), orders=orders, behind=int(behind))
    try:
        train(run, spool, orders, ranks=together)
    except StudioError as error:
        spool.say(Kind.ERROR, reason="refused", why=str(error))
    spool.close()


def broken(folder: str, together: ranks.Ranks) -> None:
    """Ask for parity where gradients are not added up, and write the answer into the folder."""
    run = Path(folder)
    spec, options = wanted(run)
    _, ready = preflight(run, spec, options | {"pilot": False}, ranks=together)
    rows, model, _, _ = ready.all()
    try:
        as_one.checked(model, rows.training, options, together, engine="shared", spread_of=forget)
    except StudioError as error:
        said = str(error)
    else:
        said = "it held"
    if together.first:
        (run / "broken.txt").write_text(said, encoding="utf-8")


def main(words: Sequence[str]) -> None:
    torch.set_num_threads(1)
    with ranks.joined(cpu=True) as together:
        for it in words:
            if it.startswith("broken="):
                broken(it.removeprefix("broken="), together)
            else:
                job(it, together)


if __name__ == "__main__":
    main(sys.argv[1:])
