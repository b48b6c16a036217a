"""Exact prefix sharing: a document is computed once, and every answer to it attends to it.

A prompt of P tokens and answers of A1, A2, ... tokens are one row of P + A1 + A2 + ... tokens. Attention runs the
causal kernel over prompt and first answer, and for each further answer the lower-right causal kernel over prompt and
that answer alone; an answer's positions begin at P. The numbers are those of P + Ai tokens computed apart, at the
price of the prompt once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

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
    the prompt behind the first, None where they were not asked for. `entropies` has for each branch one value for each
    token, in nats, of what the model expected there, without gradient; empty where they were not asked for.
    """

    tree: Tree
    branches: tuple[Tensor, ...]
    prompt: Tensor | None = None
    entropies: tuple[Tensor, ...] = ()

    def sums(self) -> Tensor:
        """Return one sum for each branch, over the tokens that count."""
        return torch.stack([it.sum() for it in self.counted()])

    def counted(self) -> tuple[Tensor, ...]:
        """Return the values of the tokens that count, one vector for each branch."""
        return self._counted(self.branches)

    @property
    def entropy(self) -> Tensor | None:
        """The mean entropy over the tokens that count of all branches, a scalar; None where it was not asked for."""
        return torch.cat(self._counted(self.entropies)).mean() if self.entropies else None

    def _counted(self, vectors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        pairs = zip(self.tree.branches, vectors, strict=True)
        return tuple(
            values if all(branch.counted) else values[torch.tensor(branch.counted, device=values.device)]
            for branch, values in pairs
        )


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    spans: tuple[int, ...] = (),
    **others_asked: Any,
) -> tuple[Tensor, None]:
    """Attend over one shared row, as `transformers`' `AttentionInterface` calls it; without `spans` causally.

    Raises:
        Refused: the model asks for more than full causal attention: a window shorter than the row, a cap, sinks.
    """
    _refuse_more(others_asked, longest=query.shape[2] if len(spans) < 2 else spans[0] + max(spans[1:]))
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


def _refuse_more(asked: Mapping[str, Any], *, longest: int) -> None:
    window = asked.get("sliding_window")
    if window is not None and window < longest:
        raise Refused(f"the model attends to the last {window} tokens only, fewer than a row of {longest} has")
    for name in ("softcap", "s_aux", "position_bias"):
        if asked.get(name) is not None:
            raise Refused(f"the model's attention has a {name}, which the shared one has not")


class Engine(Protocol):
    """Scores trees by a model; `name` is shared or plain."""

    @property
    def name(self) -> str:
        """How a prompt with several answers is computed: once (shared), or once for each (plain)."""
        ...

    def score(self, tree: Tree, *, prompt: bool = False, entropy: bool = False) -> Scored:
        """Return the log-probabilities of a tree; `prompt` asks for those of its prompt, too, `entropy` for that."""
        ...


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
        before, start = [], spans[0]
        for length in spans[1:]:
            before += [hidden[spans[0] - 1 : spans[0]], hidden[start : start + length - 1]]
            start += length
        values, entropies = log_probs(self._model, torch.cat(before), tokens[spans[0] :], entropy=entropy)
        of_prompt, _ = log_probs(self._model, hidden[: spans[0] - 1], tree.prompt[1:]) if prompt else (None, None)
        return Scored(
            tree,
            torch.split(values, list(spans[1:])),
            of_prompt,
            torch.split(entropies, list(spans[1:])) if entropy else (),
        )


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
        branches, of_prompt = [], None
        for branch in tree.branches:
            hidden = _hidden(self._model, (*tree.prompt, *branch.tokens))
            branches.append(log_probs(self._model, hidden[length - 1 : -1], branch.tokens, entropy=entropy))
            if prompt and of_prompt is None:
                of_prompt, _ = log_probs(self._model, hidden[: length - 1], tree.prompt[1:])
        values, entropies = zip(*branches, strict=True)
        return Scored(tree, values, of_prompt, entropies if entropy else ())


class Together:
    """Trees with one prompt, scored in one pass: each distinct branch once, and every tree is given its own part.

    It is an engine for these trees: what scores them one after the other gets what was computed together.
    """

    def __init__(self, engine: Engine, trees: Sequence[Tree], *, prompt: bool = False, entropy: bool = False) -> None:
        """Score them; `prompt` asks for the log-probabilities of the prompt, too, `entropy` for that.

        Raises:
            ValueError: the prompts differ.
        """
        self.name = engine.name
        whole = joined(trees)
        self._number = {branch: number for number, branch in enumerate(whole.branches)}
        self._scored = engine.score(whole, prompt=prompt, entropy=entropy)

    @property
    def tokens(self) -> int:
        """The tokens of the joined row."""
        return sum(self._scored.tree.spans)

    def score(self, tree: Tree, *, prompt: bool = False, entropy: bool = False) -> Scored:
        """Return the part of one of the trees, of what was computed the part that is asked for."""
        numbers = [self._number[branch] for branch in tree.branches]
        whole = self._scored
        return Scored(
            tree,
            tuple(whole.branches[it] for it in numbers),
            whole.prompt if prompt else None,
            tuple(whole.entropies[it] for it in numbers) if entropy and whole.entropies else (),
        )


def joined(trees: Sequence[Tree]) -> Tree:
    """Return one tree with every distinct branch of some trees with one prompt, in the order in which they come.

    Raises:
        ValueError: the prompts differ.
    """
    prompt = trees[0].prompt
    if any(it.prompt is not prompt and it.prompt != prompt for it in trees):
        raise ValueError("trees that are scored together share one prompt")
    return Tree(prompt, tuple(dict.fromkeys(branch for tree in trees for branch in tree.branches)))


def log_probs(
    model: Any, hidden: Tensor, tokens: Sequence[int], *, entropy: bool = False, tile: int = TILE
) -> tuple[Tensor, Tensor]:
    """Return the log-probability of each token, float32, from the hidden state before it, and the entropy there.

    The logits of `tile` tokens exist at one time, forward and backward; never those of all.

    Args:
        model: a causal language model.
        hidden: (tokens, width) of the last layer.
        tokens: the tokens that follow, one for each row of `hidden`.
        entropy: compute it, in nats; without, zeros are returned.
        tile: tokens at one time.
    """
    head = model.get_output_embeddings()
    wanted = torch.tensor(tokens, device=hidden.device, dtype=torch.long)
    tiles = [slice(start, start + tile) for start in range(0, len(tokens), tile)]
    parts = [checkpoint(_tile, head, hidden[it], wanted[it], entropy, use_reentrant=False) for it in tiles]
    if not parts:
        nothing = hidden.new_zeros(0, dtype=torch.float32)
        return nothing, nothing
    return torch.cat([values for values, _ in parts]), torch.cat([entropies for _, entropies in parts])


def _tile(head: torch.nn.Module, hidden: Tensor, wanted: Tensor, entropy: bool) -> tuple[Tensor, Tensor]:
    logits = head(hidden).float()
    norms = logits.logsumexp(dim=1)
    with torch.no_grad():
        entropies = torch.zeros_like(norms)
        if entropy:
            entropies = norms - ((logits - norms.unsqueeze(1)).exp() * logits).sum(dim=1)
    return logits.gather(1, wanted.unsqueeze(1)).squeeze(1) - norms, entropies


def _hidden(model: Any, tokens: Sequence[int], *, positions: Sequence[int] | None = None, **options: Any) -> Tensor:
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    device = next(causal.parameters()).device
    given = {"input_ids": torch.tensor([tokens], device=device), "use_cache": False}
    given["position_ids"] = torch.tensor([positions or range(len(tokens))], device=device)
    hidden: Tensor = causal.base_model(**given, **options).last_hidden_state[0]
    return hidden


def _switch(model: Any, attention: str) -> None:
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    causal.set_attn_implementation(attention)
