"""The losses of the recipes, for one row: log-probabilities in, one number out. Nothing here knows a model.

Log-probabilities of answers are natural logarithms summed over the answer's tokens, as scalar tensors; those of the
reference carry no gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from lrstudio.domain.errors import Refused


@dataclass(frozen=True, slots=True)
class Pair:
    """Summed log-probabilities of the two answers of a row, by the policy and by the reference."""

    chosen: Tensor
    rejected: Tensor
    reference_chosen: Tensor
    reference_rejected: Tensor

    @property
    def chosen_ratio(self) -> Tensor:
        """How much likelier the policy finds the chosen answer than the reference does, as a logarithm."""
        return self.chosen - self.reference_chosen

    @property
    def rejected_ratio(self) -> Tensor:
        """How much likelier the policy finds the rejected answer than the reference does, as a logarithm."""
        return self.rejected - self.reference_rejected

    def rewards(self, *, beta: float) -> dict[str, float]:
        """Return the implicit rewards: beta times each ratio, their margin, and 1.0 where chosen is ahead, else 0.0."""
        chosen, rejected = (beta * float(it.detach()) for it in (self.chosen_ratio, self.rejected_ratio))
        accuracy = float(chosen > rejected)
        return {
            "rewards/chosen": chosen,
            "rewards/rejected": rejected,
            "rewards/margins": chosen - rejected,
            "rewards/accuracies": accuracy,
        }


def nll(log_probs: Tensor) -> Tensor:
    """Return the mean negative log-probability of tokens."""
    return -log_probs.mean()


def sigmoid(pair: Pair, *, beta: float) -> Tensor:
    """Return the DPO loss -log sigma(beta (chosen ratio - rejected ratio)); arXiv 2305.18290, equation 7.

    With a reference that has read the short prompt, and a policy that has read the long one, it is the LongPO
    preference loss; arXiv 2502.13922. Where both have read the same prompt the two are one.
    """
    return -logsigmoid(beta * (pair.chosen_ratio - pair.rejected_ratio))


def dpo_total(pair: Pair, chosen_tokens: Tensor, *, beta: float, nll_weight: float) -> Tensor:
    """Return DPO plus a share of the likelihood of the chosen answer; LongReward, arXiv 2410.21252, section 3.3.

    Args:
        pair: summed log-probabilities.
        chosen_tokens: log-probabilities of the tokens of the chosen answer.
        beta: how far the policy may go from the reference.
        nll_weight: weight of the tokens' mean negative log-probability.
    """
    loss = sigmoid(pair, beta=beta)
    return loss + nll_weight * nll(chosen_tokens) if nll_weight else loss


def longpo_total(pair: Pair, likelihood_tokens: Tensor, *, beta: float, weight: float) -> Tensor:
    """Return NLL + weight x preference loss; LongPO, arXiv 2502.13922, equation 14.

    Of several turns, the log-probabilities of a pair are the sums over all turns.

    Args:
        pair: the policy on the long prompt, the reference on the short one.
        likelihood_tokens: log-probabilities of the whole chosen sequence, document too, as in the paper; or of the
            answer's tokens only.
        beta: how far the policy on the long prompt may go from the reference on the short one.
        weight: the paper's lambda, on the preference loss.
    """
    return nll(likelihood_tokens) + weight * sigmoid(pair, beta=beta)


def sppo(
    pair: Pair,
    *,
    kind: str,
    beta: float,
    win: float | None = None,
    chosen_win: float | None = None,
    rejected_win: float | None = None,
) -> Tensor:
    """Return a loss of self-play preference optimization; SPPO, arXiv 2405.00675, equation 4.4, with beta = 1 / eta.

    `sppo` pulls each ratio towards (its win rate against the average answer - 1/2) / beta, `sppo_single` towards that
    of the pair's own win probability; both are the mean of two squares. `sppo_hard` takes win rates of 1 and 0, and is
    the sum of the squares, as in TRL.

    Args:
        pair: summed log-probabilities; the reference is the policy at the start of the round.
        kind: sppo, sppo_single or sppo_hard.
        beta: 1 / eta.
        win: probability that chosen beats rejected; for sppo_single.
        chosen_win: win rate of chosen against the average answer; for sppo.
        rejected_win: the same of rejected; for sppo.

    Raises:
        Refused: a probability that this kind needs is missing, or there is no such kind.
    """
    if kind == "sppo_hard":
        return _squares(pair, 0.5 / beta, -0.5 / beta)
    if kind == "sppo_single":
        push = (_given(win, "win", kind) - 0.5) / beta
        return _squares(pair, push, -push) / 2
    if kind == "sppo":
        up = (_given(chosen_win, "chosen_win", kind) - 0.5) / beta
        down = (_given(rejected_win, "rejected_win", kind) - 0.5) / beta
        return _squares(pair, up, down) / 2
    raise Refused(f"there is no SPPO loss {kind!r}; choose from sppo, sppo_single, sppo_hard", where="sppo_loss")


def _squares(pair: Pair, chosen_target: float, rejected_target: float) -> Tensor:
    chosen, rejected = pair.chosen_ratio - chosen_target, pair.rejected_ratio - rejected_target
    return torch.square(chosen) + torch.square(rejected)


def _given(value: float | None, name: str, kind: str) -> float:
    if value is None:
        raise Refused(f"the loss {kind} needs the field {name}: judge the answers of this row first", where=name)
    return value
