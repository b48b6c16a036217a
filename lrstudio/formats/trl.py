"""Rows that the trainers of TRL 1.16 take as they are: preference, reward, KTO and the studio's own LongPO.

Every row carries, beside the columns of its trainer, where it comes from: no trainer reads those names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lrstudio.domain.errors import Refused
from lrstudio.formats.columns import Columns, Kind, Row
from lrstudio.formats.preference import LONGREWARD_LAYOUT, PreferenceRow, RatedCandidate, checked_layout, made_prompt

BLANK_LINE = "\n\n"
"""Stands between prompt and answer where both are plain text; a chat template parts them itself."""


class Form(StrEnum):
    """How prompt and answer are written. Implicit: the prompt is the part that chosen and rejected begin with."""

    EXPLICIT = "explicit"
    IMPLICIT = "implicit"
    CHAT = "chat"
    CHAT_IMPLICIT = "chat-implicit"

    @property
    def chat(self) -> bool:
        """Whether texts are lists of messages."""
        return self in (Form.CHAT, Form.CHAT_IMPLICIT)

    @property
    def implicit(self) -> bool:
        """Whether there is no column for the prompt."""
        return self in (Form.IMPLICIT, Form.CHAT_IMPLICIT)


class Trainer(StrEnum):
    """The trainer that rows are for."""

    TRL = "trl"
    REWARD = "reward"
    KTO = "kto"
    LONGPO = "longpo"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a table of rows for one trainer looks like, and how a pair becomes its rows."""

    columns: Columns
    rows: Callable[[Iterable[PreferenceRow]], Iterator[Row]]


_OF_PAIR: Columns = {
    "pair_id": Kind.TEXT,
    "document_id": Kind.TEXT,
    "question_id": Kind.TEXT,
    "question": Kind.TEXT,
}
_OF_SIDES: Columns = {
    "chosen_candidate": Kind.TEXT,
    "rejected_candidate": Kind.TEXT,
    "chosen_model": Kind.TEXT,
    "rejected_model": Kind.TEXT,
    "chosen_reward": Kind.NUMBER,
    "rejected_reward": Kind.NUMBER,
    "reward_margin": Kind.NUMBER,
    "reward_dimensions": Kind.TEXTS,
}
_OF_ORIGIN: Columns = {
    "split": Kind.TEXT,
    "rule": Kind.TEXT,
    "gold": Kind.FLAG,
    "reviewer": Kind.TEXT,
    "time": Kind.TEXT,
    "reason": Kind.TEXT,
    "blind": Kind.FLAG,
    "judges": Kind.TEXTS,
    "licence": Kind.TEXT,
}


def shape_for(trainer: Trainer, *, form: Form = Form.EXPLICIT, layout: str = LONGREWARD_LAYOUT) -> Shape:
    """Return columns and rows for a trainer.

    * trl: `DPOTrainer`; `prompt` (but in implicit forms), `chosen`, `rejected`.
    * reward: `RewardTrainer`; the same and `margin`, the difference of rewards on a scale of 0-1, which that trainer
      subtracts inside its loss. It is 0 where a pair has none.
    * kto: `KTOTrainer`, unpaired; `prompt`, `completion`, `label`. A candidate that is on the same side of several
      pairs of its question in a row is one row.
    * longpo: `prompt` with the whole document and `short_prompt` with the part the question needs, `chosen`, `rejected`
      (LongPO, arXiv 2502.13922: the policy reads the one, the reference the other).

    Args:
        trainer: which of them.
        form: how prompt and answer are written; kto and longpo have no implicit form.
        layout: how a prompt is made of {document} and {question}.

    Raises:
        Refused: there is no such form of these rows, or the layout lacks a place.
    """
    checked_layout(layout)
    if form.implicit and trainer in (Trainer.KTO, Trainer.LONGPO):
        raise Refused(f"{trainer.value} rows have a prompt of their own; choose explicit or chat", where="form")
    text = Kind.MESSAGES if form.chat else Kind.TEXT
    writer = _Writer(form=form, layout=layout)
    prompt: Columns = {} if form.implicit else {"prompt": text}
    answers: Columns = {"chosen": text, "rejected": text}
    origin = {**_OF_PAIR, **_OF_SIDES, **_OF_ORIGIN}
    match trainer:
        case Trainer.TRL:
            return Shape({**prompt, **answers, **origin}, writer.preference)
        case Trainer.REWARD:
            return Shape({**prompt, **answers, "margin": Kind.NUMBER, **origin}, writer.reward)
        case Trainer.LONGPO:
            return Shape({**prompt, "short_prompt": text, **answers, **origin}, writer.longpo)
        case Trainer.KTO:
            own: Columns = {"prompt": text, "completion": text, "label": Kind.FLAG}
            side: Columns = {"candidate_id": Kind.TEXT, "model": Kind.TEXT, "reward": Kind.NUMBER}
            return Shape({**own, **_OF_PAIR, **side, **_OF_ORIGIN}, writer.unpaired)


@dataclass(frozen=True, slots=True)
class _Writer:
    form: Form
    layout: str

    def preference(self, pairs: Iterable[PreferenceRow]) -> Iterator[Row]:
        for pair in pairs:
            yield {**self._sides(pair), **_origin(pair)}

    def reward(self, pairs: Iterable[PreferenceRow]) -> Iterator[Row]:
        for pair in pairs:
            yield {**self._sides(pair), "margin": (pair.margin or 0.0) / 10.0, **_origin(pair)}

    def longpo(self, pairs: Iterable[PreferenceRow]) -> Iterator[Row]:
        for pair in pairs:
            if pair.short_document is None:
                raise Refused(
                    "LongPO needs the short part of the document that the question rests on, and this pair has none: "
                    "no evidence is known for it; judge its candidates, or leave it out",
                    where=f"pair '{pair.pair_id}'",
                )
            short = self._prompt(pair.question, pair.short_document)
            yield {**self._sides(pair), "short_prompt": short, **_origin(pair)}

    def unpaired(self, pairs: Iterable[PreferenceRow]) -> Iterator[Row]:
        question = ""
        seen: set[tuple[str, bool]] = set()
        for pair in pairs:
            if pair.question_id != question:
                question = pair.question_id
                seen.clear()
            for candidate, label in ((pair.chosen, True), (pair.rejected, False)):
                if (candidate.candidate_id, label) not in seen:
                    seen.add((candidate.candidate_id, label))
                    yield self._unpaired(pair, candidate, label=label)

    def _unpaired(self, pair: PreferenceRow, candidate: RatedCandidate, *, label: bool) -> Row:
        return {
            "prompt": self._prompt(pair.question, pair.document),
            "completion": _turn("assistant", candidate.text) if self.form.chat else candidate.text,
            "label": label,
            **_pair_part(pair),
            "candidate_id": candidate.candidate_id,
            "model": candidate.model,
            "reward": candidate.reward,
            **_origin_part(pair),
        }

    def _sides(self, pair: PreferenceRow) -> Row:
        prompt = self._prompt(pair.question, pair.document)
        sides: Row = {
            name: _turn("assistant", candidate.text) if self.form.chat else candidate.text
            for name, candidate in (("chosen", pair.chosen), ("rejected", pair.rejected))
        }
        if not self.form.implicit:
            return {"prompt": prompt, **sides}
        return {name: prompt + side for name, side in sides.items()}

    def _prompt(self, question: str, document: str | None) -> Any:
        text = made_prompt(question, document, layout=self.layout)
        return _turn("user", text) if self.form.chat else text + BLANK_LINE


def _turn(role: str, content: str) -> list[dict[str, str]]:
    return [{"role": role, "content": content}]


def _origin(pair: PreferenceRow) -> Row:
    return {
        **_pair_part(pair),
        "chosen_candidate": pair.chosen.candidate_id,
        "rejected_candidate": pair.rejected.candidate_id,
        "chosen_model": pair.chosen.model,
        "rejected_model": pair.rejected.model,
        "chosen_reward": pair.chosen.reward,
        "rejected_reward": pair.rejected.reward,
        "reward_margin": pair.margin,
        "reward_dimensions": [dimension.value for dimension in pair.dimensions],
        **_origin_part(pair),
    }


def _pair_part(pair: PreferenceRow) -> Row:
    return {
        "pair_id": pair.pair_id,
        "document_id": pair.document_id,
        "question_id": pair.question_id,
        "question": pair.question,
    }


def _origin_part(pair: PreferenceRow) -> Row:
    made = pair.provenance
    return {
        "split": pair.split,
        "rule": made.rule,
        "gold": made.gold,
        "reviewer": made.reviewer,
        "time": made.time,
        "reason": made.reason,
        "blind": made.blind,
        "judges": list(made.judges),
        "licence": made.licence,
    }
