"""Whether sharing a prompt gives the numbers of the plain pair with a model; asked before every training.

Two looks, since neither is enough. A probe of the model's own kind in float32, with few layers and weights under which
attention decides the outcome, sees any wrong mask or position, whatever the numbers of the model are: rounding there is
a thousand times smaller than what one forgotten token changes. The model itself, in its own numbers, then shows whether
the kernels that will be used agree with the plain ones as well as two plain ones agree with each other.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import Any, Final

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from lrstudio.domain.errors import Refused
from lrstudio.worker.prefix import ATTENTION, Branch, Engine, PlainPairs, SharedPrefix, Tree
from lrstudio.worker.ranks import ALONE
from lrstudio.worker.spread import Spread, Whole


@dataclass(frozen=True, slots=True)
class Parity:
    """How far the shared pass is from the plain one, relative to the plain one's norm.

    `limit` is what rounding alone may come to in the numbers of the model.
    """

    log_probs: float
    gradients: float
    limit: float

    @property
    def holds(self) -> bool:
        """Tell whether both differences are within the limit."""
        return all(isfinite(it) and it <= self.limit for it in (self.log_probs, self.gradients))


_LIMITS: Final = {torch.float64: 1e-9, torch.float32: 1e-4}
_ROUNDING: Final = 4.0  # times what two right ways to attend differ by in numbers coarser than those
_MOST_ELEMENTS: Final = 1 << 26
_PROBE_VOCABULARY: Final = 1024
_PROBE_MLP: Final = 256


def parity(model: Any, tree: Tree, *, attention: str = ATTENTION, spread: Spread | None = None) -> Parity:
    """Compare log-probabilities and gradients of a shared pass with those of the plain one, on one tree.

    Dropout is off meanwhile. Gradients that the model holds are thrown away, and it attends plainly afterwards. In
    numbers coarser than float32 the limit comes from how far two of `transformers`' own ways to attend are apart. Of a
    model over several processes each compares what it has, and the largest difference counts.
    """
    lies = spread or Whole(ALONE)
    training = model.training
    exact = _LIMITS.get(next(model.parameters()).dtype) if not torch.is_autocast_enabled(_device(model)) else None
    model.eval()
    try:
        shared = _measure(lies, SharedPrefix(model, attention=attention), model, tree)
        eager = None if exact else _measure(lies, PlainPairs(model, attention="eager"), model, tree)
        plain = _measure(lies, PlainPairs(model), model, tree)
    finally:
        PlainPairs(model)
        model.train(training)
        lies.forget(list(model.parameters()))
    apart = [_apart(ours, theirs) for ours, theirs in zip(shared, plain, strict=True)]
    limit = exact or 0.0
    if eager is not None:
        limit = _ROUNDING * max(_apart(ours, theirs) for ours, theirs in zip(eager, plain, strict=True))
    return Parity(*(max(it) for it in zip(*lies.ranks.gather((apart[0], apart[1], limit)), strict=True)))


def probe(model: Any, *, seed: int = 0) -> Any:
    """Build a small model of the same kind: two layers or one of each sort, the same heads, float32, random weights.

    Queries, keys and values have about unit variance, so that attention is sharp; a model as it is initialised by
    default hardly attends at all.
    """
    config = copy.deepcopy(getattr(model, "get_base_model", lambda: model)().config)
    kinds = list(getattr(config, "layer_types", None) or [])
    if kinds:
        kept = list(dict.fromkeys(kinds))
        config.layer_types = kept if len(kept) > 1 else kept * 2
    config.num_hidden_layers = len(config.layer_types) if kinds else 2
    config.vocab_size = _PROBE_VOCABULARY
    config.intermediate_size = min(config.intermediate_size, _PROBE_MLP)
    config.initializer_range = 1.2 / sqrt(config.hidden_size)
    config.pad_token_id = config.bos_token_id = config.eos_token_id = None
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    device = _device(model)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        build: Any = AutoModelForCausalLM.from_config
        made = build(config, dtype=torch.float32, attn_implementation="sdpa")
    return made.to(device).eval()


def checked(
    model: Any, tree: Tree, *, longest: int = 0, attention: str = ATTENTION, spread: Spread | None = None
) -> SharedPrefix:
    """Return the sharing engine where it gives the numbers of the plain one on a tree.

    Args:
        model: that is to be trained.
        tree: of the first row, pruned; a prompt of a thousand tokens tells a wrong mask from a right one.
        longest: tokens of the longest row, to see that the model attends to all of them.
        attention: the name of another function than the module's own, that is registered already.
        spread: how the model lies over processes.

    Raises:
        Refused: it does not; the model attends plainly then.
    """
    PlainPairs(model)
    _refuse_window(model, longest=longest)
    with torch.autocast(_device(model), enabled=False):
        found = parity(probe(model), within_probe(tree), attention=attention)
    if found.holds:
        found = parity(model, tree, attention=attention, spread=spread)
    if not found.holds:
        raise Refused(
            "computing the document once gives other numbers with this model: log-probabilities are "
            f"{found.log_probs:.1e} and gradients {found.gradients:.1e} apart; rounding comes to {found.limit:.0e}",
            where="engine",
        )
    return SharedPrefix(model, attention=attention)


def _refuse_window(model: Any, *, longest: int) -> None:
    config = getattr(model, "get_base_model", lambda: model)().config
    kinds = set(getattr(config, "layer_types", None) or ["sliding_attention"])
    if kinds - {"full_attention", "sliding_attention"}:
        raise Refused(f"the model has layers of another kind: {', '.join(sorted(kinds))}", where="engine")
    window = getattr(config, "sliding_window", None)
    if "sliding_attention" in kinds and window is not None and window < longest:
        raise Refused(
            f"the model attends to the last {window} tokens only, fewer than the longest row of {longest} has",
            where="engine",
        )


def within_probe(tree: Tree) -> Tree:
    """Return a tree in the vocabulary of the probe."""

    def tokens(of: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(it % _PROBE_VOCABULARY for it in of)

    return Tree(tokens(tree.prompt), tuple(Branch(tokens(it.tokens), it.counted) for it in tree.branches))


def _measure(lies: Spread, engine: Engine, model: Any, tree: Tree) -> tuple[list[Tensor], list[Tensor]]:
    lies.forget(list(model.parameters()))
    counted = lies.engine(engine).score(tree).counted()
    # Branches pull in different directions, so that no error of one hides behind another's.
    lies.backward(
        torch.stack([(-1) ** number * values.mean() / (number + 1) for number, values in enumerate(counted)]).sum()
    )
    # Copied, since the next gradients may come to lie in the same memory.
    gradients = [it.detach().to("cpu", torch.float32, copy=True) for it in _looked_at(lies, model)]
    return [it.detach().float().cpu() for it in counted], gradients


def _looked_at(lies: Spread, model: Any) -> list[Tensor]:
    """Return gradients as this process has them, the smallest first, as many as may be copied without filling it."""
    found: list[Tensor] = []
    elements = 0
    own = [it for it in map(lies.own_gradient, model.parameters()) if it is not None]
    for gradient in sorted(own, key=lambda it: int(it.numel())):
        elements += gradient.numel()
        if found and elements > _MOST_ELEMENTS:
            break
        found.append(gradient)
    return found


def _apart(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    apart = sum(float((a - b).double().square().sum()) for a, b in zip(ours, theirs, strict=True))
    whole = sum(float(it.double().square().sum()) for it in theirs)
    return sqrt(apart / whole) if whole else inf


def _device(model: Any) -> str:
    return str(next(model.parameters()).device.type)
