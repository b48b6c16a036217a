"""What a run has come to: its answers to held-out questions."""

from __future__ import annotations

from lrstudio.training.folder import RunFolder
from lrstudio.training.runs import Sample
from lrstudio.training.watch import RunWatch


def held_out_answers(folder: RunFolder) -> tuple[Sample, ...]:
    """Return the answers of the latest step at which held-out questions were answered; none where there are none."""
    watch = RunWatch(folder)
    watch.poll()
    last = max((it.step for it in watch.samples), default=0)
    return tuple(it for it in watch.samples if it.step == last)
