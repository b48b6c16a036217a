"""What one row costs under a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lrstudio.domain.errors import Refused
from lrstudio.worker import losses
from lrstudio.worker.conversations import Conversation
from lrstudio.worker.losses import Pair
from lrstudio.worker.prefix import Engine
from lrstudio.worker.reference import Sums


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
