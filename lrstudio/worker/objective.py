"""What one row costs under a recipe, and the reference's log-probabilities that it is measured against."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from lrstudio.domain.errors import Refused
from lrstudio.training.folder import replace_file
from lrstudio.worker import losses
from lrstudio.worker.conversations import Conversation
from lrstudio.worker.losses import Pair
from lrstudio.worker.prefix import Engine

REFERENCE: Final = "reference.json"
"""The file of a run folder with the reference's log-probabilities, so that a run that goes on has the same ones."""

Sums = tuple[float, float]
"""Summed log-probabilities of chosen and rejected by the reference."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The loss of one row, and the numbers that a curve shows of it."""

    loss: Tensor
    metrics: dict[str, float]


def cost(engine: Engine, row: Conversation, reference: Sums, *, recipe: str, options: Mapping[str, Any]) -> Cost:
    """Compute the loss of one row.

    Args:
        engine: scores the row by the policy.
        row: in tokens.
        reference: what the reference found.
        recipe: dpo, longpo or sppo.
        options: of the recipe, settled.
    """
    whole = recipe == "longpo" and options["nll"] == "whole"
    scored = engine.score(row.policy, prompt=whole)
    chosen, rejected = scored.counted()
    ours, theirs = (torch.tensor(it, device=chosen.device, dtype=torch.float32) for it in reference)
    pair = Pair(chosen.sum(), rejected.sum(), ours, theirs)
    beta = options["beta"]
    likelihood = chosen
    if recipe == "sppo":
        wins = {name: getattr(row.row, name) for name in ("win", "chosen_win", "rejected_win")}
        loss = losses.sppo(pair, kind=options["sppo_loss"], beta=beta, **wins)
    elif recipe == "longpo":
        if whole and scored.prompt is not None:
            likelihood = torch.cat((scored.prompt, scored.branches[0]))
        loss = losses.longpo_total(pair, likelihood, beta=beta, weight=options["longpo_lambda"])
    else:
        loss = losses.dpo_total(pair, chosen, beta=beta, nll_weight=options["nll_weight"])
    with torch.no_grad():
        metrics = {
            "loss": loss.item(),
            "loss/preference": losses.sigmoid(pair, beta=beta).item(),
            "loss/nll": losses.nll(likelihood).item(),
            "logps/chosen": pair.chosen.item(),
            "logps/rejected": pair.rejected.item(),
            "logps_per_token/chosen": chosen.mean().item(),
            "logps_per_token/rejected": rejected.mean().item(),
            **pair.rewards(beta=beta),
        }
    return Cost(loss, metrics)


def check_options(recipe: str, options: Mapping[str, Any]) -> None:
    """See that this trainer can do what a recipe's options ask for.

    Raises:
        Refused: it cannot; names the option.
    """
    if recipe != "dpo":
        return
    if tuple(options["loss"]) != ("sigmoid",) or tuple(float(it) for it in options["loss_weights"]) != (1.0,):
        raise Refused("this trainer computes the sigmoid loss, with weight 1", where="loss")
    if options["label_smoothing"] or options["ld_alpha"] != 1.0:
        raise Refused(
            "this trainer has no label smoothing and weighs all tokens alike", where="label_smoothing, ld_alpha"
        )


def reference_sums(
    engine: Engine | None, rows: Sequence[Conversation], run: Path, *, go_on: Callable[[], bool]
) -> list[Sums] | None:
    """Return the reference's sums for every row, from the run folder where it has them, else computed and kept there.

    Args:
        engine: scores by the reference; None where the model has been trained and is no reference any more.
        rows: in tokens.
        run: the run folder.
        go_on: asked before each row; where it says no, None is returned.

    Raises:
        Refused: they are to be computed, and there is no engine.
    """
    path = run / REFERENCE
    key = _key(rows)
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["key"] == key:
            return [(chosen, rejected) for chosen, rejected in kept["sums"]]
    if engine is None:
        raise Refused(
            "what the reference found is gone or belongs to other rows, so this run cannot go on; start a new one",
            where=REFERENCE,
        )
    found = []
    for row in rows:
        if not go_on():
            return None
        with torch.no_grad():
            sums = sum(engine.score(tree).sums().double() for tree in row.reference)
        chosen, rejected = sums.tolist()
        found.append((chosen, rejected))
    replace_file(path, json.dumps({"key": key, "sums": found}))
    return found


def _key(rows: Sequence[Conversation]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        for tree in row.reference:
            digest.update(repr((tree.prompt, [it.tokens for it in tree.branches])).encode())
    return digest.hexdigest()
