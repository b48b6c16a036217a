"""Which rows make which step, and how fast each step learns: the same numbers whenever a run is taken up again."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrstudio.training import processes
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
    count, size = len(lengths), processes.rows_of_a_step(options)
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


def deal(groups: Sequence[Sequence[int]], lengths: Sequence[int], count: int) -> list[list[list[int]]]:
    """Deal the places of a step out over processes, so that the largest share is small.

    What is computed together stays together, up to the rows that a process has when all have equally many. With one
    process everything stays in order.

    Args:
        groups: places that are computed in one pass.
        lengths: tokens of the row at each place.
        count: processes.
    """
    if count == 1:
        return [[list(it) for it in groups]]
    most = max(1, math.ceil(sum(map(len, groups)) / count))
    pieces = [list(it[start : start + most]) for it in groups for start in range(0, len(it), most)]
    sizes = [sum(lengths[place] for place in it) for it in pieces]
    loads, owners = [0] * count, [0] * len(pieces)
    for number in sorted(range(len(pieces)), key=lambda it: -sizes[it]):
        owner = min(range(count), key=lambda it: (loads[it], it))
        owners[number] = owner
        loads[owner] += sizes[number]
    return [[it for it, owner in zip(pieces, owners, strict=True) if owner == rank] for rank in range(count)]


def largest(rows: Sequence[Conversation], options: Mapping[str, Any]) -> tuple[Conversation, ...]:
    """Return the rows that are computed in one pass in some step, of all such groups the one with the most tokens."""
    prompts = [row.policy.prompt for row in rows]
    steps = plan([row.tokens for row in rows], options, prompts=prompts).rows
    found = []
    for step in steps:
        lengths = [rows[number].tokens for number in step]
        dealt = deal(groups([prompts[number] for number in step]), lengths, processes.count(options))
        found += [tuple(rows[step[place]] for place in places) for its in dealt for places in its]
    return max(found, key=lambda group: sum(joined([row.policy for row in group]).spans))
