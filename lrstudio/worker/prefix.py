"""Exact prefix sharing: a document is computed once, and every answer to it attends to it.

A prompt of P tokens and answers of A1, A2, ... tokens are one row of P + A1 + A2 + ... tokens. Attention runs the
causal kernel over prompt and first answer, and for each further answer the lower-right causal kernel over prompt and
that answer alone; an answer's positions begin at P. The numbers are those of P + Ai tokens computed apart, at the
price of the prompt once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint
from transformers import AttentionInterface

from lrstudio.domain.errors import Refused

ATTENTION: Final = "lrstudio_prefix"
"""The name under which `transformers` finds the attention of this module."""

TILE: Final = 1024
"""Tokens whose logits exist at one time."""


@dataclass(frozen=True, slots=True)
class Branch:
    """What follows a prompt: its tokens, and for each of them whether it counts as an answer's.

    The tokens of the questions between the answers of several turns do not count.
    """

    tokens: tuple[int, ...]
    counted: tuple[bool, ...]

    @classmethod
    def answer(cls, tokens: Sequence[int]) -> Branch:
        """Return one answer, all of whose tokens count."""
        return cls(tuple(tokens), (True,) * len(tokens))


@dataclass(frozen=True, slots=True)
class Tree:
    """A prompt of at least one token, and one or more branches of at least one token each."""

    prompt: tuple[int, ...]
    branches: tuple[Branch, ...]

    @property
    def spans(self) -> tuple[int, ...]:
        """The lengths in a shared row: the prompt's, then each branch's."""
        return (len(self.prompt), *(len(it.tokens) for it in self.branches))

    def pruned(self, *, prompt: int, answer: int) -> Tree:
        """Return the tree with so many last tokens of the prompt, and first tokens of each branch, at most."""
        branches = (Branch(it.tokens[:answer], it.counted[:answer]) for it in self.branches)
        return Tree(self.prompt[-prompt:], tuple(branches))


@dataclass(frozen=True, slots=True)
class Scored:
    """Log-probabilities of tokens, natural logarithm, float32.

    `branches` has one vector for each branch, one value for each of its tokens; `prompt` one value for each token of
    the prompt behind the first, None where they were not asked for. `entropy` is the mean entropy in nats of what the
    model expects at the tokens that count, without gradient; None where it was not asked for.
    """

    tree: Tree
    branches: tuple[Tensor, ...]
    prompt: Tensor | None = None
    entropy: Tensor | None = None

    def sums(self) -> Tensor:
        """Return one sum for each branch, over the tokens that count."""
        return torch.stack([it.sum() for it in self.counted()])

    def counted(self) -> tuple[Tensor, ...]:
        """Return the values of the tokens that count, one vector for each branch."""
        pairs = zip(self.tree.branches, self.branches, strict=True)
        return tuple(values[torch.tensor(branch.counted, device=values.device)] for branch, values in pairs)


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    spans: tuple[int, ...] = (),
    **_: Any,
) -> tuple[Tensor, None]:
    """Attend over one shared row, as `transformers`' `AttentionInterface` calls it; without `spans` causally."""
    query, key = query.to(value.dtype), key.to(value.dtype)  # under autocast the rotary embedding leaves them wider
    options: dict[str, Any] = {"dropout_p": dropout, "scale": scaling}
    options["enable_gqa"] = query.shape[1] != key.shape[1]
    prompt, first, *others = spans or (query.shape[2], 0)
    end = prompt + first
    seen = (query[:, :, :end], key[:, :, :end], value[:, :, :end])
    parts = [scaled_dot_product_attention(*seen, is_causal=True, **options)]
    for length in others:
        start, end = end, end + length
        keys = torch.cat((key[:, :, :prompt], key[:, :, start:end]), dim=2)
        values = torch.cat((value[:, :, :prompt], value[:, :, start:end]), dim=2)
        mask = causal_lower_right(length, prompt + length)
        parts.append(scaled_dot_product_attention(query[:, :, start:end], keys, values, attn_mask=mask, **options))
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


class SharedPrefix:
    """Scores the branches of a tree in one pass over one shared row."""

    name: Final = "shared"

    def __init__(self, model: Any, *, attention: str = ATTENTION) -> None:
        """Make a Llama or Qwen model attend so; `attention` names another function that is registered already."""
        if attention == ATTENTION:
            AttentionInterface.register(ATTENTION, attend)
        self._model = model
        _switch(model, attention)

    def score(self, tree: Tree, *, prompt: bool = False, entropy: bool = False) -> Scored:
        """Return the log-probabilities of a tree; `prompt` asks for those of its prompt, too, `entropy` for that."""
        spans = tree.spans
        tokens = [*tree.prompt, *(token for branch in tree.branches for token in branch.tokens)]
        positions = list(range(spans[0]))
        for length in spans[1:]:
            positions.extend(range(spans[0], spans[0] + length))
        hidden = _hidden(self._model, tokens, positions=positions, spans=spans)
        branches, states, start = [], [], spans[0]
        for branch, length in zip(tree.branches, spans[1:], strict=True):
            before = torch.cat((hidden[spans[0] - 1 : spans[0]], hidden[start : start + length - 1]))
            branches.append(log_probs(self._model, before, branch.tokens))
            states.append(before)
            start += length
        of_prompt = log_probs(self._model, hidden[: spans[0] - 1], tree.prompt[1:]) if prompt else None
        uncertain = mean_entropy(self._model, states, tree.branches) if entropy else None
        return Scored(tree, tuple(branches), of_prompt, uncertain)


class PlainPairs:
    """Scores each branch of a tree in a pass of its own, with `transformers`' own attention."""

    name: Final = "plain"

    def __init__(self, model: Any, *, attention: str = "sdpa") -> None:
        """Make a model attend as it is, or by another of `transformers`' own ways."""
        self._model = model
        _switch(model, attention)

    def score(self, tree: Tree, *, prompt: bool = False, entropy: bool = False) -> Scored:
        """Return the log-probabilities of a tree; `prompt` asks for those of its prompt, too, `entropy` for that."""
        length = len(tree.prompt)
        branches, states, of_prompt = [], [], None
        for branch in tree.branches:
            hidden = _hidden(self._model, (*tree.prompt, *branch.tokens))
            branches.append(log_probs(self._model, hidden[length - 1 : -1], branch.tokens))
            states.append(hidden[length - 1 : -1].detach())
            if prompt and of_prompt is None:
                of_prompt = log_probs(self._model, hidden[: length - 1], tree.prompt[1:])
        uncertain = mean_entropy(self._model, states, tree.branches) if entropy else None
        return Scored(tree, tuple(branches), of_prompt, uncertain)


Engine = SharedPrefix | PlainPairs


def log_probs(model: Any, hidden: Tensor, tokens: Sequence[int], *, tile: int = TILE) -> Tensor:
    """Return the log-probability of each token, float32, from the hidden state before it.

    The logits of `tile` tokens exist at one time, forward and backward; never those of all.

    Args:
        model: a causal language model.
        hidden: (tokens, width) of the last layer.
        tokens: the tokens that follow, one for each row of `hidden`.
        tile: tokens at one time.
    """
    head = model.get_output_embeddings()
    wanted = torch.tensor(tokens, device=hidden.device, dtype=torch.long)
    parts = [
        checkpoint(_tile, head, hidden[start : start + tile], wanted[start : start + tile], use_reentrant=False)
        for start in range(0, len(tokens), tile)
    ]
    return torch.cat(parts) if parts else hidden.new_zeros(0, dtype=torch.float32)


def mean_entropy(model: Any, hidden: Sequence[Tensor], branches: Sequence[Branch], *, tile: int = TILE) -> Tensor:
    """Return the mean entropy in nats of the next token, over the tokens of all branches that count; no gradient.

    Args:
        model: a causal language model.
        hidden: for each branch the (tokens, width) of the last layer before its tokens.
        branches: of a tree.
        tile: tokens whose logits exist at one time.
    """
    head = model.get_output_embeddings()
    with torch.no_grad():
        every = torch.cat(
            [
                states.detach()[torch.tensor(branch.counted, device=states.device)]
                for states, branch in zip(hidden, branches, strict=True)
            ]
        )
        total = torch.zeros((), device=every.device)
        for start in range(0, len(every), tile):
            expected = head(every[start : start + tile]).float().log_softmax(dim=1)
            total -= (expected.exp() * expected).sum()
    return total / max(1, len(every))


def _tile(head: torch.nn.Module, hidden: Tensor, wanted: Tensor) -> Tensor:
    logits = head(hidden).float()
    chosen: Tensor = logits.gather(1, wanted.unsqueeze(1)).squeeze(1) - logits.logsumexp(dim=1)
    return chosen


def _hidden(model: Any, tokens: Sequence[int], *, positions: Sequence[int] | None = None, **options: Any) -> Tensor:
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    device = causal.get_input_embeddings().weight.device
    given = {"input_ids": torch.tensor([tokens], device=device), "use_cache": False}
    given["position_ids"] = torch.tensor([positions or range(len(tokens))], device=device)
    hidden: Tensor = causal.base_model(**given, **options).last_hidden_state[0]
    return hidden


def _switch(model: Any, attention: str) -> None:
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    causal.set_attn_implementation(attention)


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


def parity(model: Any, tree: Tree, *, attention: str = ATTENTION) -> Parity:
    """Compare log-probabilities and gradients of a shared pass with those of the plain one, on one tree.

    Dropout is off meanwhile. Gradients that the model holds are thrown away, and it attends plainly afterwards. In
    numbers coarser than float32 the limit comes from how far two of `transformers`' own ways to attend are apart.
    """
    training = model.training
    limit = _LIMITS.get(next(model.parameters()).dtype)
    model.eval()
    try:
        shared = _measure(SharedPrefix(model, attention=attention), model, tree)
        eager = None if limit else _measure(PlainPairs(model, attention="eager"), model, tree)
        plain = _measure(PlainPairs(model), model, tree)
    finally:
        model.train(training)
        model.zero_grad(set_to_none=True)
    apart = [_apart(ours, theirs) for ours, theirs in zip(shared, plain, strict=True)]
    if eager is not None:
        limit = _ROUNDING * max(_apart(ours, theirs) for ours, theirs in zip(eager, plain, strict=True))
    return Parity(apart[0], apart[1], limit or 0.0)


def checked(model: Any, tree: Tree, *, attention: str = ATTENTION) -> SharedPrefix:
    """Return the sharing engine where it gives the numbers of the plain one on a tree.

    Raises:
        Refused: it does not; the model attends plainly then.
    """
    found = parity(model, tree, attention=attention)
    if not found.holds:
        raise Refused(
            "computing the document once gives other numbers with this model: log-probabilities are "
            f"{found.log_probs:.1e} and gradients {found.gradients:.1e} apart; rounding comes to {found.limit:.0e}",
            where="engine",
        )
    return SharedPrefix(model, attention=attention)


def _measure(engine: Engine, model: Any, tree: Tree) -> tuple[list[Tensor], list[Tensor]]:
    model.zero_grad(set_to_none=True)
    counted = engine.score(tree).counted()
    # Branches pull in different directions, so that no error of one hides behind another's.
    torch.stack(
        [(-1) ** number * values.mean() / (number + 1) for number, values in enumerate(counted)]
    ).sum().backward()
    gradients = [it.grad.detach().float().cpu() for it in model.parameters() if it.grad is not None]
    return [it.detach().float().cpu() for it in counted], gradients


def _apart(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    apart = sum(float((a - b).double().square().sum()) for a, b in zip(ours, theirs, strict=True))
    whole = sum(float(it.double().square().sum()) for it in theirs)
    return sqrt(apart / whole) if whole else inf
