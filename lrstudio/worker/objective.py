"""What one row costs under a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import torch
from torch import Tensor

from lrstudio.domain.errors import Refused
from lrstudio.training import processes
from lrstudio.worker import losses
from lrstudio.worker.conversations import Conversation
from lrstudio.worker.losses import OVER_A_STEP, Knobs, Pair
from lrstudio.worker.prefix import Engine, Scored
from lrstudio.worker.ranks import ALONE, Ranks
from lrstudio.worker.reference import Sums

_SUMS: Final = ("chosen", "rejected", "reference_chosen", "reference_rejected")


@dataclass(frozen=True, slots=True)
class Cost:
    """The loss of one row, and the numbers that a curve shows of it.

    The mean of `loss` over the rows of a step has the gradient of the step's loss; its value is `metrics["loss"]`.
    """

    loss: Tensor
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Step:
    """What the losses over a whole step need of its rows: their sums, one value for each row, without gradient."""

    pairs: Pair

    def with_row(self, place: int, pair: Pair) -> Pair:
        """Return the rows' sums with those of one row as they are now, gradient and all."""
        chosen, rejected = self.pairs.chosen.clone(), self.pairs.rejected.clone()
        chosen[place], rejected[place] = pair.chosen, pair.rejected
        return Pair(chosen, rejected, self.pairs.reference_chosen, self.pairs.reference_rejected)


def over_a_step(recipe: str, options: Mapping[str, Any]) -> bool:
    """Tell whether a recipe has a loss that is defined over all rows of a step."""
    return recipe == "dpo" and any(name in OVER_A_STEP for name in options["loss"])


def step_of(
    engine: Engine,
    rows: Sequence[tuple[Conversation, Sums]],
    *,
    recipe: str,
    options: Mapping[str, Any],
    places: Sequence[tuple[int, bool]] = (),
    ranks: Ranks = ALONE,
) -> Step | None:
    """Score the rows of a step ahead, without gradient, where a loss is defined over all of them; else return None.

    The dice are put back afterwards, so that the pass with gradient, in the same order, drops the same inputs.

    Args:
        engine: scores the rows by the policy.
        rows: of the step, with what the reference found.
        recipe: dpo, longpo or sppo.
        options: of the recipe, settled.
        places: of the rows that this process scores, and False beside those that it scores for the others' sake; none
            means all.
        ranks: the processes that score the step together.
    """
    if not over_a_step(recipe, options):
        return None
    cards = list(range(torch.cuda.device_count()))
    found: dict[int, list[float]] = {}
    with torch.no_grad(), torch.random.fork_rng(devices=cards):
        for place, counts in places or [(it, True) for it in range(len(rows))]:
            row, sums = rows[place]
            pair = _pair(engine.score(row.policy), sums, options)[0]
            device = pair.chosen.device
            if counts:
                found[place] = [float(getattr(pair, name)) for name in _SUMS]
    scored = dict(it for one in ranks.gather(found) for it in one.items())
    columns = zip(*(scored[place] for place in range(len(rows))), strict=True)
    return Step(Pair(*(torch.tensor(it, device=device, dtype=torch.float32) for it in columns)))


def cost(
    engine: Engine,
    row: Conversation,
    reference: Sums,
    *,
    recipe: str,
    options: Mapping[str, Any],
    step: Step | None = None,
    place: int = 0,
) -> Cost:
    """Compute the loss of one row.

    Args:
        engine: scores the row by the policy.
        row: in tokens.
        reference: what the reference found.
        recipe: dpo, longpo or sppo.
        options: of the recipe, settled.
        step: what `step_of` returned for the step that the row belongs to.
        place: of the row in that step.
    """
    whole = recipe == "longpo" and options["nll"] == "whole"
    scored = engine.score(row.policy, prompt=whole, entropy=True)
    pair, chosen, rejected = _pair(scored, reference, options)
    beta = options["beta"]
    likelihood = torch.cat((scored.prompt, scored.branches[0])) if scored.prompt is not None else chosen
    if recipe == "sppo":
        loss, said = _sppo(pair, row, options)
    elif recipe == "longpo":
        loss = losses.longpo_total(pair, likelihood, beta=beta, weight=options["longpo_lambda"])
        said = {"loss": loss.item(), "loss/preference": losses.sigmoid(pair, beta=beta).item()}
    else:
        loss, said = _dpo(pair, chosen, options, step=step, place=place)
    with torch.no_grad():
        drift = (pair.chosen_ratio + pair.rejected_ratio) / (len(chosen) + len(rejected))
        metrics = {
            **said,
            "loss/nll": losses.nll(likelihood).item(),
            "logps/chosen": pair.chosen.item(),
            "logps/rejected": pair.rejected.item(),
            "logps_per_token/chosen": chosen.mean().item(),
            "logps_per_token/rejected": rejected.mean().item(),
            "kl": drift.item(),
            "entropy": scored.entropy.item() if scored.entropy is not None else 0.0,
            **pair.rewards(beta=beta),
        }
    return Cost(loss, metrics)


def _pair(scored: Scored, reference: Sums, options: Mapping[str, Any]) -> tuple[Pair, Tensor, Tensor]:
    """Return the sums of a row, and the log-probabilities of the tokens of its two answers."""
    chosen, rejected = scored.counted()
    ours = losses.length_desensitised(chosen, rejected, alpha=options.get("ld_alpha", 1.0))
    theirs = [torch.tensor(it, device=chosen.device, dtype=torch.float32) for it in reference]
    return Pair(ours[0], ours[1], theirs[0], theirs[1], len(chosen), len(rejected)), chosen, rejected


def _sppo(pair: Pair, row: Conversation, options: Mapping[str, Any]) -> tuple[Tensor, dict[str, float]]:
    kind, beta = options["sppo_loss"], options["beta"]
    wins = {name: getattr(row.row, name) for name in ("win", "chosen_win", "rejected_win")}
    loss = losses.sppo(pair, kind=kind, beta=beta, **wins)
    value = loss.item()
    said = {"loss": value, "loss/preference": value, "loss/scaled": beta**2 * value}
    return loss, said | losses.sppo_targets(kind=kind, **wins)


def _dpo(
    pair: Pair, chosen: Tensor, options: Mapping[str, Any], *, step: Step | None, place: int
) -> tuple[Tensor, dict[str, float]]:
    """Return the weighed sum of the listed losses and of the likelihood, and the value of each part."""
    knobs = Knobs.of(options)
    total, value = torch.zeros((), device=chosen.device), 0.0
    parts = {}
    for name, weight in zip(options["loss"], map(float, options["loss_weights"]), strict=True):
        scale = 1
        if name == "sft":
            part = losses.nll(chosen)
        elif name in OVER_A_STEP and step is not None:
            # One row's share of the gradient; times the rows, because the step takes the mean of their losses.
            scale = len(step.pairs.chosen)
            part = losses.LOSSES[name](step.with_row(place, pair), knobs).mean()
        elif name in OVER_A_STEP:
            alone = (pair.chosen, pair.rejected, pair.reference_chosen, pair.reference_rejected)
            part = losses.LOSSES[name](Pair(*(it.unsqueeze(0) for it in alone)), knobs).mean()
        else:
            part = losses.LOSSES[name](pair, knobs)
        total = total + weight * scale * part
        parts[name] = part.item()
        value += weight * parts[name]
    said = {"loss": value, "loss/preference": value}
    if len(parts) > 1:
        said |= {f"loss/{name}": part for name, part in parts.items()}
    if options["nll_weight"]:
        share = options["nll_weight"] * losses.nll(chosen)
        total, said["loss"] = total + share, value + share.item()
    return total, said


def check_options(recipe: str, options: Mapping[str, Any]) -> None:
    """See that a recipe's options go together.

    Raises:
        Refused: they do not; names the options.
    """
    processes.check(recipe, options)
    if options.get("rounds") and options["evaluate_every"]:
        raise Refused(
            "the pairs of a round are made of new answers, and none is held out to evaluate on; set evaluate_every to "
            "0, and sample_every to see answers to held-out questions",
            where="evaluate_every",
        )
    if recipe != "dpo":
        return
    names, weights = tuple(options["loss"]), tuple(options["loss_weights"])
    if not names or len(set(names)) != len(names):
        raise Refused("name one loss at least, and none twice", where="loss")
    try:
        numbers = [float(it) for it in weights]
    except ValueError as error:
        raise Refused(f"loss_weights are numbers: {error}", where="loss_weights") from error
    if len(numbers) != len(names) or not all(isfinite(it) and it >= 0 for it in numbers):
        raise Refused(f"{len(names)} losses need as many weights, each 0 or more", where="loss_weights")
    smoothing = options["label_smoothing"]
    if "exo_pair" in names and smoothing == 0:
        raise Refused("exo_pair needs a label_smoothing above 0; its paper takes 0.001", where="label_smoothing")
    if "robust" in names and smoothing >= 0.5:
        raise Refused("robust needs a label_smoothing below 0.5", where="label_smoothing")
    if options["nll_weight"] and "sft" in names:
        raise Refused("sft is in the losses and nll_weight weighs the same; set nll_weight to 0", where="nll_weight")
    if not any(numbers) and not options["nll_weight"]:
        raise Refused("every loss has the weight 0", where="loss_weights")
