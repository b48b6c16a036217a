"""Rows as tokens: the model's own chat template, nothing cut, the same answer tokens behind every prompt.

Each part of a conversation, prompt, answer, question between, is tokenised for itself, so that an answer's tokens do
not depend on what stands before it, and both answers share every token of the prompt.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from lrstudio.domain.errors import Refused
from lrstudio.training.rows import Row, Turn
from lrstudio.worker.prefix import Branch, Tree

Message = dict[str, str]

_LEAST_PROMPT: Final = 64
_REMEMBERED: Final = 8


class OtherTokens(Refused):
    """An answer has other tokens behind the short prompt than behind the long one."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One row in tokens; the first branch of each tree is chosen, the second rejected.

    `policy` is what is trained on. `reference` is what the reference reads: the same tree, or with LongPO one short
    tree for each turn, whose log-probabilities are summed.
    """

    row: Row
    policy: Tree
    reference: tuple[Tree, ...]

    @property
    def tokens(self) -> int:
        """Tokens of the longer of the two conversations."""
        spans = self.policy.spans
        return spans[0] + max(spans[1:])

    @property
    def computed(self) -> int:
        """Tokens that go through the policy where the prompt is shared."""
        return sum(self.policy.spans)

    def cut(self, limit: int) -> Conversation | None:
        """Return the row with at most so many tokens: the middle of the prompt is left out, answers stay whole.

        None where the answers leave no room for a prompt; the reference must read the same prompt as the policy.
        """
        room = limit - (self.tokens - len(self.policy.prompt))
        if room < _LEAST_PROMPT or self.reference != (self.policy,):
            return None
        prompt = self.policy.prompt
        head = room // 2
        shorter = Tree((*prompt[:head], *prompt[len(prompt) - (room - head) :]), self.policy.branches)
        return Conversation(self.row, shorter, (shorter,))


def conversation(row: Row, tokenizer: Any, *, short_reference: bool = False) -> Conversation:
    """Put a row into tokens.

    Args:
        row: the row.
        tokenizer: with the model's chat template.
        short_reference: the reference reads the short prompts, as in LongPO.

    Raises:
        Refused: the template changes what stands before an answer, or a short prompt is missing; names the row.
        OtherTokens: of the short and the long prompt.
    """
    first = [*_system(row), {"role": "user", "content": row.prompt}]
    prompts, branches = [], []
    for side in ("chosen", "rejected"):
        parts = _Parts(tokenizer, where=row.row_id)
        prompts.append(parts.ask(first))
        tokens, counted = list(parts.answer(getattr(row, side))), []
        counted += [True] * len(tokens)
        for turn in row.turns:
            for part, counts in ((parts.ask([{"role": "user", "content": turn.question}]), False),
                                 (parts.answer(getattr(turn, side)), True)):  # fmt: skip
                tokens += part
                counted += [counts] * len(part)
        branches.append(Branch(tuple(tokens), tuple(counted)))
    policy = Tree(prompts[0], tuple(branches))
    if not short_reference:
        return Conversation(row, policy, (policy,))
    reference = tuple(_short(row, tokenizer))
    for number in (0, 1):
        ours = [it for it, counts in zip(branches[number].tokens, branches[number].counted, strict=True) if counts]
        if ours != [token for tree in reference for token in tree.branches[number].tokens]:
            raise OtherTokens(
                "the chat template writes an answer differently behind the short prompt and behind the long one",
                where=row.row_id,
            )
    return Conversation(row, policy, reference)


def _short(row: Row, tokenizer: Any) -> Iterator[Tree]:
    turns: tuple[Row | Turn, ...] = (row, *row.turns)
    for turn in turns:
        if not turn.short:
            raise Refused("LongPO needs the short prompt of every turn, the field short", where=row.row_id)
        sides = []
        for side in ("chosen", "rejected"):
            parts = _Parts(tokenizer, where=row.row_id)
            prompt = parts.ask([*_system(row), {"role": "user", "content": turn.short}])
            sides.append(Branch.answer(parts.answer(getattr(turn, side))))
        yield Tree(prompt, tuple(sides))


def _system(row: Row) -> list[Message]:
    return [{"role": "system", "content": row.system}] if row.system else []


class _Parts:
    """A conversation as it grows: what each message adds to its text, in tokens."""

    def __init__(self, tokenizer: Any, *, where: str) -> None:
        self._tokenizer = tokenizer
        self._where = where
        self._messages: list[Message] = []
        self._text = ""

    def ask(self, messages: list[Message]) -> tuple[int, ...]:
        return self._add(messages, answer_next=True)

    def answer(self, text: str) -> tuple[int, ...]:
        return self._add([{"role": "assistant", "content": text}], answer_next=False)

    def _add(self, messages: list[Message], *, answer_next: bool) -> tuple[int, ...]:
        self._messages += messages
        text = self._tokenizer.apply_chat_template(self._messages, tokenize=False, add_generation_prompt=answer_next)
        if not text.startswith(self._text) or text == self._text:
            raise Refused(
                "the model's chat template changes earlier messages when an answer follows, so prompt and answer "
                "cannot be told apart; use a model folder with a template that only adds",
                where=self._where,
            )
        added, self._text = text[len(self._text) :], text
        return tuple(self._tokenizer(added, add_special_tokens=False)["input_ids"])


class Remembering:
    """A tokenizer that remembers the last long texts: the prompt of both answers, the document of several rows.

    Every token is one object, however often it comes: 8 bytes for each place instead of 36.
    """

    def __init__(self, tokenizer: Any) -> None:
        """Wrap a tokenizer with a chat template."""
        self._tokenizer = tokenizer
        self._known: OrderedDict[str, tuple[int, ...]] = OrderedDict()
        self._one: dict[int, int] = {}

    def apply_chat_template(self, messages: list[Message], **options: Any) -> str:
        """Write a conversation by the model's template."""
        text: str = self._tokenizer.apply_chat_template(messages, **options)
        return text

    def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, tuple[int, ...]]:
        """Return the tokens of a text, under `input_ids`."""
        if text in self._known:
            self._known.move_to_end(text)
        else:
            found = self._tokenizer(text, add_special_tokens=add_special_tokens)["input_ids"]
            self._known[text] = tuple(self._one.setdefault(it, it) for it in found)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return {"input_ids": self._known[text]}
