"""A step on the longest rows before the first: whether it fits, and what it takes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import logsigmoid

from lrstudio.worker import loading, sizes
from lrstudio.worker.conversations import Conversation
from lrstudio.worker.prefix import Engine, Together
from lrstudio.worker.preparing import numbers


@dataclass(frozen=True, slots=True)
class Tried:
    """A pilot step: tokens computed, seconds, and bytes at the peak: on the card, or of the process without one."""

    tokens: int
    seconds: float
    peak: float


def pilot(model: Any, engine: Engine, rows: Sequence[Conversation], recipe: str, options: Mapping[str, Any]) -> Tried:
    """Compute rows of one prompt forward and backward, and leave all as it was: weights, gradients, random numbers.

    Raises:
        torch.OutOfMemoryError: it does not fit.
    """
    cards = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    if cards:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    whole = recipe == "longpo" and options["nll"] == "whole"
    began = time.monotonic()
    try:
        with torch.random.fork_rng(devices=cards), loading.narrow_inputs(model, options):
            with numbers(options):
                shared = Together(engine, [row.policy for row in rows], prompt=whole, entropy=True)
                scored = [shared.score(row.policy, prompt=whole) for row in rows]
                losses = [-logsigmoid(it.sums()[0] - it.sums()[1]) for it in scored]
                losses += [-it.prompt.mean() for it in scored if it.prompt is not None]
            torch.stack(losses).sum().backward()
        if cards:
            torch.cuda.synchronize()
    finally:
        model.zero_grad(set_to_none=True)
    peak = torch.cuda.max_memory_allocated() if cards else sizes.most_of_process()
    return Tried(shared.tokens, time.monotonic() - began, float(peak))
