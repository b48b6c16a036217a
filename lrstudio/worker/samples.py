"""What goes along with the steps of a run: answers to held-out questions, and the health rules over both.

Neither changes a number of the training: answers are greedy, and the dice, the mode and the attention of the model are
put back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from lrstudio.training import health
from lrstudio.training.health import Answer, Finding, Limits, Seen
from lrstudio.training.rows import Row, parts_of
from lrstudio.training.spool import Spool
from lrstudio.training.wire import Kind
from lrstudio.worker import generate
from lrstudio.worker.conversations import Conversation
from lrstudio.worker.generate import Generated, Sampling

_SHOWN: Final = 1000  # characters of a prompt's end that an event tells


def held_out_questions(rows: Sequence[Conversation], count: int) -> tuple[Conversation, ...]:
    """Return the first rows with different prompts, so many at most."""
    by_prompt = {row.policy.prompt: row for row in reversed(rows)}
    chosen = [row for row in rows if by_prompt[row.policy.prompt] is row]
    return tuple(chosen[:count])


def question_of(row: Row) -> str:
    """Return what of a row's prompt is shown: its question, and of that the last thousand characters."""
    return parts_of(row)[1].strip()[-_SHOWN:]


def answer(
    model: Any, tokenizer: Any, rows: Sequence[Conversation], *, limit: int, numbers: AbstractContextManager[Any]
) -> list[Generated]:
    """Answer the questions of rows greedily.

    Args:
        model: a causal language model.
        tokenizer: of the model.
        rows: whose prompts are answered.
        limit: tokens of an answer at most.
        numbers: in which the model computes.
    """
    with generate.ready(model), numbers:
        return [generate.generate(model, tokenizer, row.policy.prompt, Sampling(limit))[0] for row in rows]


class Companion:
    """Says samples and warnings at the steps of a run, and tells where a rule stops it."""

    def __init__(
        self,
        options: Mapping[str, Any],
        *,
        recipe: str,
        model: Any,
        tokenizer: Any,
        held_out: Sequence[Conversation],
        spool: Spool,
        numbers: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        """Choose the questions; nothing is answered yet."""
        self._options, self._limits = options, Limits.of(options)
        self._from_zero = recipe != "longpo"
        self._model, self._tokenizer, self._numbers = model, tokenizer, numbers
        self._spool = spool
        self._questions = held_out_questions(held_out, options["sample_count"]) if options["sample_every"] else ()
        self._seen = Seen()
        self._sampled = -1
        if options["sample_every"] and not self._questions:
            spool.say(
                Kind.WARNING, rule="samples", why="the set holds no questions back, so none is answered on the way"
            )

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of it."""
        return {"seen": self._seen.row(), "sampled": self._sampled}

    def take_up(self, state: Mapping[str, Any]) -> None:
        """Go on from what a checkpoint has kept."""
        self._seen, self._sampled = Seen.read(state["seen"]), int(state["sampled"])

    def begin(self, step: int, *, last: bool = False) -> str:
        """Answer the questions where they are due at a step and have not been; return why the run stops, or ""."""
        every = self._options["sample_every"]
        if not self._questions or step <= self._sampled or not (step % every == 0 or last):
            return ""
        self._sampled = step
        found = answer(
            self._model,
            self._tokenizer,
            self._questions,
            limit=self._options["sample_tokens"],
            numbers=self._numbers(),
        )
        answers = [Answer(len(it.tokens), health.repetition(it.tokens)) for it in found]
        for row, said, its in zip(self._questions, found, answers, strict=True):
            self._spool.say(
                Kind.SAMPLE,
                step=step,
                row_id=row.row.row_id,
                question=question_of(row.row),
                text=said.text,
                tokens=its.tokens,
                repetition=round(its.repetition, 4),
            )
        self._seen, findings = health.after_samples(self._seen, self._limits, step=step, answers=answers)
        return self._say(findings)

    def after(self, step: int, metrics: Mapping[str, float], *, last: bool) -> str:
        """Take in a step, and answer the questions where they are due; return why the run stops, or ""."""
        self._seen, findings = health.after_step(
            self._seen, self._limits, step=step, metrics=metrics, from_zero=self._from_zero
        )
        return self._say(findings) or self.begin(step, last=last)

    def _say(self, findings: Sequence[Finding]) -> str:
        for it in findings:
            self._spool.say(Kind.WARNING, rule=it.rule, why=it.why, step=it.step, stops=it.stops)
        return next((it.why for it in findings if it.stops), "")
