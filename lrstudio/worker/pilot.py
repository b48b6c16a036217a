"""A step on the longest rows before the first: whether it fits, and what it takes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import logsigmoid

from lrstudio.training import estimate, processes
from lrstudio.worker import loading, sizes
from lrstudio.worker.conversations import Conversation
from lrstudio.worker.prefix import Engine, Together
from lrstudio.worker.preparing import Rows, numbers
from lrstudio.worker.ranks import ALONE
from lrstudio.worker.spread import Spread, Whole


@dataclass(frozen=True, slots=True)
class Tried:
    """A pilot step: tokens computed, seconds, and bytes at the peak: on the card, or of the process without one."""

    tokens: int
    seconds: float
    peak: float


def pilot(
    model: Any,
    engine: Engine,
    rows: Sequence[Conversation],
    recipe: str,
    options: Mapping[str, Any],
    *,
    spread: Spread | None = None,
) -> Tried:
    """Compute rows of one prompt forward and backward, and leave all as it was: weights, gradients, random numbers.

    Raises:
        torch.OutOfMemoryError: it does not fit.
    """
    cards = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    if cards:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    lies = spread or Whole(ALONE)
    whole = recipe == "longpo" and options["nll"] == "whole"
    began = time.monotonic()
    try:
        with torch.random.fork_rng(devices=cards), loading.narrow_inputs(model, options):
            with numbers(options):
                shared = Together(engine, [row.policy for row in rows], prompt=whole, entropy=True)
                scored = [shared.score(row.policy, prompt=whole) for row in rows]
                losses = [-logsigmoid(it.sums()[0] - it.sums()[1]) for it in scored]
                losses += [-it.prompt.mean() for it in scored if it.prompt is not None]
            lies.backward(torch.stack(losses).sum())
        if cards:
            torch.cuda.synchronize()
    finally:
        lies.forget(list(model.parameters()))
    peak = torch.cuda.max_memory_allocated() if cards else sizes.most_of_process()
    return Tried(shared.tokens, time.monotonic() - began, float(peak))


def whole_run(pace: estimate.Pace, rows: Rows, options: Mapping[str, Any]) -> float:
    """Return the seconds of all steps, and of the reference and the evaluations, which go forward only: a third.

    Of self-play those of all rounds, each question with a pair as long as the set's; what sampling takes is not in it.
    """
    training, held_out = list(rows.training), [it.computed for it in rows.held_out]
    passes, step_rows, rounds = options["epochs"], processes.rows_of_a_step(options), options.get("rounds", 0)
    if rounds:
        training, held_out = list({it.policy.prompt: it for it in training}.values()), []
    if options["max_steps"]:  # of each round
        passes = options["max_steps"] * step_rows / len(training) * (rounds or 1)
    elif rounds and options["round_questions"] == "all":
        passes *= rounds
    once, apart = pace.seconds([it.computed for it in training]), pace.seconds(held_out)
    steps = passes * len(training) / step_rows
    evaluations = steps // options["evaluate_every"] if options["evaluate_every"] else 0
    references = rounds if rounds and options["round_questions"] == "all" else 1
    alone = passes * once + (references * once + (1 + evaluations) * apart) / 3
    return float(alone / processes.count(options))
