"""Whether a step of several processes is that of one: asked on one batch before the first step.

A probe of the model's own kind in float32 computes the batch in this process alone, and again dealt out over all, as
training deals, adds up and cuts gradients. So a wrong sum shows before anything is trained, whatever the size of the
model.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from lrstudio.domain.errors import Refused
from lrstudio.worker import loading, parity
from lrstudio.worker.conversations import Conversation
from lrstudio.worker.plan import deal
from lrstudio.worker.prefix import Engine, PlainPairs, SharedPrefix, Tree
from lrstudio.worker.ranks import Ranks
from lrstudio.worker.spread import Spread, backward, spread, turns

LIMIT: Final = 1e-4
"""What rounding in float32 may come to, relative to the size of a number."""

_PROMPT, _ANSWER = 256, 32
_ROWS_EACH = 2


@dataclass(frozen=True, slots=True)
class AsOne:
    """How far the step of all processes is from that of one, relative: its loss, its gradients, their norm."""

    loss: float
    gradients: float
    norm: float

    @property
    def holds(self) -> bool:
        """Tell whether rounding alone may be what is between them."""
        return all(isfinite(it) and it <= LIMIT for it in (self.loss, self.gradients, self.norm))


def checked(
    model: Any,
    rows: Sequence[Conversation],
    options: Mapping[str, Any],
    ranks: Ranks,
    *,
    engine: str,
    spread_of: Callable[[Ranks, Any, Mapping[str, Any]], Spread] = spread,
) -> AsOne:
    """Compare one step of all processes with that of one; all must call it.

    Args:
        model: that is to be trained; only its kind is asked for.
        rows: of the run.
        options: of the recipe, settled.
        ranks: the processes.
        engine: shared or plain.
        spread_of: lays a model over processes.

    Raises:
        Refused: they differ by more than rounding.
    """
    trees = [parity.within_probe(it.policy.pruned(prompt=_PROMPT, answer=_ANSWER)) for it in _batch(rows, ranks.count)]
    kept = {**options, "lora_dropout": 0.0, "dtype": "fp32"}
    alone = _probe(model, kept)
    spread_out = copy.deepcopy(alone)
    one = _step(alone, spread_of(Ranks(), alone, {**kept, "sharding": "none"}), trees, engine)
    many = _step(spread_out, spread_of(ranks, spread_out, kept), trees, engine)
    found = AsOne(
        _apart([torch.tensor(many.loss)], [torch.tensor(one.loss)]),
        _apart(many.gradients, one.gradients),
        _apart([torch.tensor(many.norm)], [torch.tensor(one.norm)]),
    )
    worst = ranks.gather(found)
    found = AsOne(*(max(getattr(it, name) for it in worst) for name in ("loss", "gradients", "norm")))
    if not found.holds:
        raise Refused(
            f"a step of {ranks.count} processes gives other numbers than one process: its loss is {found.loss:.0e}, "
            f"its gradients are {found.gradients:.0e} and their norm is {found.norm:.0e} apart, and rounding comes to "
            f"{LIMIT:.0e}; train in one process, or look at the packages and the network of the nodes",
            where="processes",
        )
    return found


@dataclass(frozen=True, slots=True)
class _Stepped:
    loss: float
    gradients: list[Tensor]
    norm: float


def _batch(rows: Sequence[Conversation], count: int) -> Sequence[Conversation]:
    """Return rows for every process; a number that does not divide evenly shows a wrong mean."""
    return rows[: max(1, _ROWS_EACH * count - 1)]


def _probe(model: Any, options: Mapping[str, Any]) -> Any:
    probe = parity.probe(model)
    if options["method"] == "full":
        return probe
    probe = loading.with_adapter(probe, {**options, "method": "lora"})
    dice = torch.Generator().manual_seed(1)
    with torch.no_grad():  # a new adapter adds nothing, and half of its gradients are 0
        for name, it in probe.named_parameters():
            if it.requires_grad and "lora_B" in name:
                it.copy_(0.02 * torch.randn(it.shape, generator=dice).to(it.device))
    return probe.eval()


def _step(model: Any, lies: Spread, trees: Sequence[Tree], engine: str) -> _Stepped:
    # Before the first pass, as training takes them: what a pass has put together is no weight to step.
    weights = [it for it in model.parameters() if it.requires_grad]
    score: Engine = lies.engine(SharedPrefix(model) if engine == "shared" else PlainPairs(model))
    dealt = deal([[it] for it in range(len(trees))], [sum(it.spans) for it in trees], lies.ranks.count)
    said = 0.0
    for places, counts in turns(lies, dealt):
        chosen, rejected = score.score(trees[places[0]]).sums()
        loss = -logsigmoid(0.1 * (chosen - rejected)) / len(trees)
        backward(lies, loss, counts=counts)
        said += loss.item() if counts else 0.0
    lies.add_up(weights)
    gradients = [it.detach().clone() for it in map(lies.gradient, weights) if it is not None]
    found = _Stepped(sum(lies.ranks.gather(said)), gradients, lies.clip(weights, inf))
    lies.release()
    return found


def _apart(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    if len(ours) != len(theirs):
        return inf
    apart = sum(float((a - b).double().square().sum()) for a, b in zip(ours, theirs, strict=True))
    size = sum(float(it.double().square().sum()) for it in theirs)
    return float((apart / size) ** 0.5) if size else inf
