"""The losses of the recipes: log-probabilities in, numbers out. Nothing here knows a model.

Log-probabilities of answers are natural logarithms summed over the answer's tokens, as scalar tensors or with one value
for each row; those of the reference carry no gradient. In the formulas c and r are the log-ratios of chosen and
rejected, policy against reference, b is beta, s the sigmoid, and e label_smoothing. The forms are those of the papers
as TRL 1.16's `DPOTrainer` settles what they leave open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from lrstudio.domain.errors import Refused


@dataclass(frozen=True, slots=True)
class Pair:
    """Summed log-probabilities of the two answers of a row, by the policy and by the reference.

    The numbers of tokens are those that the sums are over.
    """

    chosen: Tensor
    rejected: Tensor
    reference_chosen: Tensor
    reference_rejected: Tensor
    chosen_tokens: Tensor | int = 1
    rejected_tokens: Tensor | int = 1

    @property
    def chosen_ratio(self) -> Tensor:
        """How much likelier the policy finds the chosen answer than the reference does, as a logarithm."""
        return self.chosen - self.reference_chosen

    @property
    def rejected_ratio(self) -> Tensor:
        """How much likelier the policy finds the rejected answer than the reference does, as a logarithm."""
        return self.rejected - self.reference_rejected

    @property
    def margin(self) -> Tensor:
        """The ratio of chosen less that of rejected."""
        return self.chosen_ratio - self.rejected_ratio

    @property
    def margin_per_token(self) -> Tensor:
        """The same of the ratios' means over the tokens."""
        return self.chosen_ratio / self.chosen_tokens - self.rejected_ratio / self.rejected_tokens

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


@dataclass(frozen=True, slots=True)
class Knobs:
    """What the losses of a pair can be set by."""

    beta: float
    label_smoothing: float = 0.0
    discopop_tau: float = 0.05

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Knobs:
        """Take them from a recipe's options, settled."""
        return cls(options["beta"], options["label_smoothing"], options["discopop_tau"])


def length_desensitised(chosen: Tensor, rejected: Tensor, *, alpha: float) -> tuple[Tensor, Tensor]:
    """Return the sums over the tokens of two answers, those beyond the shorter one's length weighed by `alpha`.

    LD-DPO, arXiv 2409.06411.
    """
    shared = min(len(chosen), len(rejected))
    first, second = (it[:shared].sum() + alpha * it[shared:].sum() for it in (chosen, rejected))
    return first, second


def nll(log_probs: Tensor) -> Tensor:
    """Return the mean negative log-probability of tokens."""
    return -log_probs.mean()


def sigmoid(pair: Pair, *, beta: float) -> Tensor:
    """Return the DPO loss -log sigma(beta (chosen ratio - rejected ratio)); arXiv 2305.18290, equation 7.

    With a reference that has read the short prompt, and a policy that has read the long one, it is the LongPO
    preference loss; arXiv 2502.13922. Where both have read the same prompt the two are one.
    """
    return -logsigmoid(beta * pair.margin)


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
    targets = sppo_targets(kind=kind, win=win, chosen_win=chosen_win, rejected_win=rejected_win)
    chosen = torch.square(pair.chosen_ratio - targets["targets/chosen"] / beta)
    rejected = torch.square(pair.rejected_ratio - targets["targets/rejected"] / beta)
    return chosen + rejected if kind == "sppo_hard" else (chosen + rejected) / 2


def sppo_targets(
    *, kind: str, win: float | None = None, chosen_win: float | None = None, rejected_win: float | None = None
) -> dict[str, float]:
    """Return where SPPO pulls the rewards, beta times the ratios, of chosen and rejected; the arguments are `sppo`'s.

    Raises:
        Refused: a probability that this kind needs is missing, or there is no such kind.
    """
    if kind == "sppo_hard":
        up, down = 1.0, 0.0
    elif kind == "sppo_single":
        up = _given(win, "win", kind)
        down = 1.0 - up
    elif kind == "sppo":
        up, down = _given(chosen_win, "chosen_win", kind), _given(rejected_win, "rejected_win", kind)
    else:
        raise Refused(f"there is no SPPO loss {kind!r}; choose from sppo, sppo_single, sppo_hard", where="sppo_loss")
    return {"targets/chosen": up - 0.5, "targets/rejected": down - 0.5}


def _given(value: float | None, name: str, kind: str) -> float:
    if value is None:
        raise Refused(f"the loss {kind} needs the field {name}: judge the answers of this row first", where=name)
    return value


def hinge(pair: Pair, knobs: Knobs) -> Tensor:
    """Return max(0, 1 - b (c - r)); RSO, arXiv 2309.06657: SLiC's hinge on DPO's margin."""
    return torch.relu(1 - knobs.beta * pair.margin)


def ipo(pair: Pair, knobs: Knobs) -> Tensor:
    """Return (c - r - 1 / (2 b))^2 of ratios per token; IPO, arXiv 2310.12036, equation 17; the mean is TRL's."""
    return torch.square(pair.margin_per_token - 1 / (2 * knobs.beta))


def exo_pair(pair: Pair, knobs: Knobs) -> Tensor:
    """Return KL(p || q) over the two answers, p = softmax(b c, b r), q = (1 - e, e); EXO, arXiv 2402.00856, eq. 16."""
    ahead, behind = logsigmoid(knobs.beta * pair.margin), logsigmoid(-knobs.beta * pair.margin)
    smoothing = torch.tensor(knobs.label_smoothing, dtype=ahead.dtype, device=ahead.device)
    return ahead.exp() * (ahead - torch.log1p(-smoothing)) + behind.exp() * (behind - smoothing.log())


def nca_pair(pair: Pair, knobs: Knobs) -> Tensor:
    """Return -log s(b c) - (log s(-b c) + log s(-b r)) / 2; NCA, arXiv 2402.05369, of two answers."""
    chosen, rejected = knobs.beta * pair.chosen_ratio, knobs.beta * pair.rejected_ratio
    return -logsigmoid(chosen) - 0.5 * (logsigmoid(-chosen) + logsigmoid(-rejected))


def robust(pair: Pair, knobs: Knobs) -> Tensor:
    """Return the DPO loss freed of a share e of swapped pairs; Robust DPO, arXiv 2403.00409.

    -((1 - e) log s(b (c - r)) - e log s(-b (c - r))) / (1 - 2 e).
    """
    right, wrong = logsigmoid(knobs.beta * pair.margin), logsigmoid(-knobs.beta * pair.margin)
    smoothing = knobs.label_smoothing
    return -((1 - smoothing) * right - smoothing * wrong) / (1 - 2 * smoothing)


def bco_pair(pair: Pair, knobs: Knobs) -> Tensor:
    """Return -log s(b c) - log s(-b r); BCO, arXiv 2404.04656, of one pair.

    As TRL 1.16 has it: the paper's shift by a running mean of the rewards is left out there.
    """
    return -logsigmoid(knobs.beta * pair.chosen_ratio) - logsigmoid(-knobs.beta * pair.rejected_ratio)


def aot(pair: Pair, knobs: Knobs) -> Tensor:
    """Return the loss of the sorted log-odds against the reference's sorted ones; AOT, arXiv 2406.05882, paired.

    The rows of one step are sorted: the lowest log-odds of chosen over rejected by the policy stand against the lowest
    by the reference, and so on.
    """
    ours = torch.sort(pair.chosen - pair.rejected, dim=0).values
    theirs = torch.sort(pair.reference_chosen - pair.reference_rejected, dim=0).values
    return _smoothed(knobs.beta * (ours - theirs), knobs)


def aot_unpaired(pair: Pair, knobs: Knobs) -> Tensor:
    """Return the loss of the sorted c against the sorted r of one step's rows; AOT, arXiv 2406.05882."""
    chosen = torch.sort(pair.chosen_ratio, dim=0).values
    rejected = torch.sort(pair.rejected_ratio, dim=0).values
    return _smoothed(knobs.beta * (chosen - rejected), knobs)


def _smoothed(margin: Tensor, knobs: Knobs) -> Tensor:
    smoothing = knobs.label_smoothing
    return -(1 - smoothing) * logsigmoid(margin) - smoothing * logsigmoid(-margin)


def apo_zero(pair: Pair, knobs: Knobs) -> Tensor:
    """Return 1 - s(b c) + s(b r): chosen answers are better than the model's; APO, arXiv 2408.06266, equation 7."""
    return 1 - torch.sigmoid(knobs.beta * pair.chosen_ratio) + torch.sigmoid(knobs.beta * pair.rejected_ratio)


def apo_down(pair: Pair, knobs: Knobs) -> Tensor:
    """Return s(b c) + 1 - s(b (c - r)): the model's are better than both; APO, arXiv 2408.06266, equation 8."""
    return torch.sigmoid(knobs.beta * pair.chosen_ratio) + 1 - torch.sigmoid(knobs.beta * pair.margin)


def discopop(pair: Pair, knobs: Knobs) -> Tensor:
    """Return the logistic and the exponential loss, blended by s(margin / tau); DiscoPOP, arXiv 2406.08414, eq. 5."""
    margin = knobs.beta * pair.margin
    blend = torch.sigmoid(margin / knobs.discopop_tau)
    return (1 - blend) * -logsigmoid(margin) + blend * torch.exp(-margin)


def sigmoid_norm(pair: Pair, knobs: Knobs) -> Tensor:
    """Return the DPO loss of ratios per token; Tulu 3, arXiv 2411.15124: length-normalised DPO."""
    return -logsigmoid(knobs.beta * pair.margin_per_token)


Loss = Callable[[Pair, Knobs], Tensor]

LOSSES: Final[Mapping[str, Loss]] = MappingProxyType(
    {
        "sigmoid": lambda pair, knobs: sigmoid(pair, beta=knobs.beta),
        "hinge": hinge,
        "ipo": ipo,
        "exo_pair": exo_pair,
        "nca_pair": nca_pair,
        "robust": robust,
        "bco_pair": bco_pair,
        "sppo_hard": lambda pair, knobs: sppo(pair, kind="sppo_hard", beta=knobs.beta),
        "aot": aot,
        "aot_unpaired": aot_unpaired,
        "apo_zero": apo_zero,
        "apo_down": apo_down,
        "discopop": discopop,
        "sigmoid_norm": sigmoid_norm,
    }
)
"""The losses of a pair by TRL's names. Beside them there is `sft`, which is `nll` of the chosen answer's tokens."""

OVER_A_STEP: Final = ("aot", "aot_unpaired")
"""The losses that no row has for itself: they are defined over the rows of one step."""
