"""Answers of a model to a prompt, greedy or sampled: the same seed gives the same answers, and no dice are shared.

Generation leaves a model as it found it: its attention, its mode and the dice of training are those of before.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

TOGETHER: Final = 65_536
"""Tokens of prompt and answers that are kept for the answers that grow at one time."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen: a temperature of 0 takes the likeliest; `top_p` is the probability mass drawn from."""

    limit: int
    temperature: float = 0.0
    top_p: float = 1.0


@dataclass(frozen=True, slots=True)
class Generated:
    """An answer: its tokens without the one that ends it, whether that one came, and its text."""

    tokens: tuple[int, ...]
    ended: bool
    text: str


@contextmanager
def ready(model: Any) -> Iterator[None]:
    """Make a model generate, and put back attention, mode and dice afterwards.

    The attention of shared prompts is made for whole rows; here `transformers`' own is at work.
    """
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    attention, training = causal.config._attn_implementation, model.training
    cards = list(range(torch.cuda.device_count()))
    causal.set_attn_implementation("sdpa")
    model.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=cards):
            yield
    finally:
        causal.set_attn_implementation(attention)
        model.train(training)


def prompt_tokens(tokenizer: Any, text: str, *, system: str = "") -> tuple[int, ...]:
    """Return a user's turn in tokens, up to where the answer begins."""
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": text})
    written = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return tuple(tokenizer(written, add_special_tokens=False)["input_ids"])


def seed_of(*parts: object) -> int:
    """Return a seed that depends on every part, the same on every machine."""
    digest = hashlib.sha256("/".join(str(it) for it in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generate(
    model: Any, tokenizer: Any, prompt: Sequence[int], sampling: Sampling, *, seeds: Sequence[int] = (0,)
) -> list[Generated]:
    """Answer a prompt once for each seed; the prompt is computed once. Call it inside `ready`.

    Args:
        model: a causal language model.
        tokenizer: of the model.
        prompt: its tokens, at least one.
        sampling: how tokens are chosen.
        seeds: one for each answer; each answer depends on its own alone.
    """
    ends = end_tokens(model, tokenizer)
    hidden, cache = _forward(model, torch.tensor([list(prompt)]), at=0, cache=None)
    size = max(1, TOGETHER // (len(prompt) + sampling.limit))
    groups = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    found: list[Generated] = []
    for number, group in enumerate(groups):
        own = cache if number == len(groups) - 1 else copy.deepcopy(cache)
        if len(group) > 1:
            own.batch_repeat_interleave(len(group))
        rows = _grow(model, hidden.expand(len(group), -1), own, sampling, ends=ends, seeds=group, at=len(prompt))
        for tokens, ended in rows:
            found.append(Generated(tuple(tokens), ended, tokenizer.decode(tokens, skip_special_tokens=True)))
    return found


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer, as model and tokenizer name them."""
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    named = getattr(causal.generation_config, "eos_token_id", None)
    several = named if isinstance(named, list) else [named]
    return frozenset(it for it in [*several, tokenizer.eos_token_id] if it is not None)


def _grow(
    model: Any, hidden: Tensor, cache: Any, sampling: Sampling, *, ends: frozenset[int], seeds: Sequence[int], at: int
) -> list[tuple[list[int], bool]]:
    """Decode the answers of a group side by side; those that have ended are fed on and not heard."""
    dice = [torch.Generator().manual_seed(seed) for seed in seeds]
    rows: list[list[int]] = [[] for _ in seeds]
    ended = [False] * len(seeds)
    head = model.get_output_embeddings()
    for step in range(sampling.limit):
        chosen = _choose(head(hidden).float(), sampling, dice)
        for number, token in enumerate(chosen):
            if not ended[number]:
                ended[number] = token in ends
                if not ended[number]:
                    rows[number].append(token)
        if all(ended) or step == sampling.limit - 1:
            break
        hidden, cache = _forward(model, torch.tensor(chosen).unsqueeze(1), at=at + step, cache=cache)
    return list(zip(rows, ended, strict=True))


def _choose(logits: Tensor, sampling: Sampling, dice: Sequence[torch.Generator]) -> list[int]:
    if sampling.temperature == 0.0:
        return [int(it) for it in logits.argmax(dim=-1).tolist()]
    # One throw for each answer, from dice of its own on the CPU: the same on every device.
    throws = torch.stack([torch.rand((), generator=it) for it in dice]).to(logits.device)
    ranked = torch.softmax(logits / sampling.temperature, dim=-1).sort(dim=-1, descending=True, stable=True)
    before = ranked.values.cumsum(dim=-1) - ranked.values
    outside = before >= sampling.top_p
    outside[:, 0] = False
    mass = ranked.values.masked_fill(outside, 0.0).cumsum(dim=-1)
    places = (mass <= (throws * mass[:, -1]).unsqueeze(1)).sum(dim=-1)
    places = torch.minimum(places, (~outside).sum(dim=-1) - 1)  # a throw near 1 may round to 1
    return [int(it) for it in ranked.indices.gather(1, places.unsqueeze(1)).squeeze(1).tolist()]


def _forward(model: Any, tokens: Tensor, *, at: int, cache: Any) -> tuple[Tensor, Any]:
    """Return the last hidden state of each row, and the cache with these tokens in it."""
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    device = causal.get_input_embeddings().weight.device
    positions = torch.arange(at, at + tokens.shape[1], device=device).expand(tokens.shape[0], -1)
    given = {"input_ids": tokens.to(device), "position_ids": positions, "use_cache": True}
    out = causal.base_model(**given, past_key_values=cache)
    return out.last_hidden_state[:, -1], out.past_key_values
