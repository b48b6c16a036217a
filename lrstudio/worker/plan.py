"""Which rows make which step, and how fast each step learns: the same numbers whenever a run is taken up again."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrstudio.worker.conversations import Conversation
from lrstudio.worker.prefix import joined


@dataclass(frozen=True, slots=True)
class Plan:
    """Which rows make which step: `rows` are numbers of rows, one list for each step."""

    rows: tuple[tuple[int, ...], ...]


def plan(lengths: Sequence[int], options: Mapping[str, Any], *, prompts: Sequence[Hashable] = ()) -> Plan:
    """Deal the rows out over the steps: shuffled in each epoch, the longest row first of all.

    So what does not fit into memory shows in the first step. Rows of one prompt stay together, as many as a step has,
    so that their document is computed once for all of them. The same arguments give the same plan.

    Args:
        lengths: of the rows, in tokens.
        options: of the recipe, settled.
        prompts: for each row what it shares with others; without, none shares anything.
    """
    count, size = len(lengths), options["accumulation"]
    wanted = options["max_steps"] * size or math.ceil(options["epochs"] * count)
    sharing: dict[Hashable, list[int]] = {}
    for number in range(count):
        sharing.setdefault(prompts[number] if prompts else number, []).append(number)
    order: list[int] = []
    epoch = 0
    while len(order) < wanted:
        dice = random.Random(f"{options['seed']}/{epoch}")
        units = []
        for rows in sharing.values():
            mixed = dice.sample(rows, len(rows))
            units += [mixed[start : start + size] for start in range(0, len(rows), size)]
        dice.shuffle(units)
        order += [number for unit in units for number in unit]
        epoch += 1
    order = order[:wanted]
    longest = max(order, key=lambda number: lengths[number])
    order.remove(longest)
    order.insert(0, longest)
    return Plan(tuple(tuple(order[start : start + size]) for start in range(0, len(order), size)))


def rate(step: int, steps: int, options: Mapping[str, Any]) -> float:
    """Return the learning rate of a step, counted from 1: rising over the warm-up, then by the schedule."""
    warmup = math.ceil(options["warmup"] * steps) if options["warmup"] else 0
    peak: float = options["learning_rate"]
    if step <= warmup:
        return peak * step / warmup
    done = (step - warmup - 1) / max(1, steps - warmup)
    if options["schedule"] == "linear":
        return peak * (1 - done)
    return peak * 0.5 * (1 + math.cos(math.pi * done)) if options["schedule"] == "cosine" else peak


def groups(prompts: Sequence[Hashable]) -> list[list[int]]:
    """Return the places of rows with the same prompt together, in the order in which a prompt first comes."""
    found: dict[Hashable, list[int]] = {}
    for place, prompt in enumerate(prompts):
        found.setdefault(prompt, []).append(place)
    return list(found.values())


def largest(rows: Sequence[Conversation], options: Mapping[str, Any]) -> tuple[Conversation, ...]:
    """Return the rows that are computed in one pass in some step, of all such groups the one with the most tokens."""
    prompts = [row.policy.prompt for row in rows]
    steps = plan([row.tokens for row in rows], options, prompts=prompts).rows
    found = [
        tuple(rows[step[place]] for place in places)
        for step in steps
        for places in groups([prompts[number] for number in step])
    ]
    return max(found, key=lambda group: sum(joined([row.policy for row in group]).spans))
