"""What a judge run will take, as the form beside it shows it: rows by dimension, a sentence, what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lrstudio.domain.verdicts import Dimension
from lrstudio.judge.plan import Effort, Plan
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.judge_progress import money


@dataclass(frozen=True, slots=True)
class EffortRow:
    """Calls, tokens and cost of one dimension, or of all, as they are written; "~" is an estimate."""

    name: str
    calls: str
    input_tokens: str
    output_tokens: str
    cost: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan as it is shown.

    `head` is the sentence to decide by; `problem` says in its place why there is no plan. `ahead` is what would be
    sent, `whole` all of it as if nothing were in the call log. `paid` says what the log already has.
    """

    head: str
    problem: str = ""
    ahead: tuple[EffortRow, ...] = ()
    whole: tuple[EffortRow, ...] = ()
    paid: str = ""
    warning: str = ""
    notes: tuple[str, ...] = ()


def plan_view(plan: Plan, *, calls_model: bool, spend_limit: float = 0.0) -> PlanView:
    """Return a plan as it is shown.

    Args:
        plan: what `judging.plan` told.
        calls_model: whether the judge asks a model at all.
        spend_limit: what the run may cost, 0 for no limit.
    """
    if not calls_model:
        return PlanView("This judge calls no model: it sends nothing and costs nothing.")
    ahead = total(plan.outstanding) + plan.embedding
    whole = total(plan.without_log) + plan.embedding_without_log
    candidates = counted(plan.candidates, "candidate")
    if not plan.candidates:
        return PlanView("Nothing is outstanding: this judge has judged all of these candidates.")
    if not ahead.calls and not plan.embedded:
        head = f"{candidates}; every call is in the log already: nothing is sent, and nothing is to be paid."
    else:
        about = "about " if ahead.guessed else ""
        cost = "cost unknown: no price is set" if ahead.cost is None else f"{_cost(ahead)}"
        head = f"{candidates}, {about}{counted(ahead.calls, 'call')}, {cost}."
    warning = ""
    if spend_limit and ahead.cost is not None and ahead.cost > spend_limit:
        warning = f"More than the spend limit of {money(spend_limit)}: the run would stop there and can go on later."
    notes = list(plan.assumptions)
    if plan.embedded_without_log:
        notes.insert(0, f"{plan.embedded:,} of {counted(plan.embedded_without_log, 'text')} are to be embedded")
    return PlanView(
        head,
        ahead=_rows(plan.outstanding, plan.embedding),
        whole=_rows(plan.without_log, plan.embedding_without_log),
        paid=_paid(ahead, whole),
        warning=warning,
        notes=tuple(notes),
    )


def no_plan(sentence: str) -> PlanView:
    """Return what is shown while something is missing for a plan."""
    return PlanView("", problem=sentence)


def total(efforts: Mapping[Dimension, Effort]) -> Effort:
    """Add up the dimensions."""
    return sum(efforts.values(), Effort())


def _rows(efforts: Mapping[Dimension, Effort], embedding: Effort) -> tuple[EffortRow, ...]:
    named = [(dimension.value.capitalize(), effort) for dimension, effort in efforts.items()]
    named += [("Embeddings", embedding)] if embedding.input_tokens else []
    return tuple(_row(name, effort) for name, effort in [*named, ("Total", total(efforts) + embedding)])


def _row(name: str, effort: Effort) -> EffortRow:
    about = "~" if effort.guessed else ""
    return EffortRow(
        name,
        f"{about}{effort.calls:,}",
        f"{about}{effort.input_tokens:,}",
        f"~{effort.output_tokens:,}" if effort.output_tokens else "0",
        _cost(effort),
    )


def _cost(effort: Effort) -> str:
    """A cost rests on output tokens, which nobody knows beforehand: it is always an estimate."""
    if effort.cost is None:
        return "unknown" if effort.input_tokens else "–"
    return f"~{money(effort.cost)}" if effort.input_tokens else money(0.0)


def _paid(ahead: Effort, whole: Effort) -> str:
    calls = whole.calls - ahead.calls
    if calls <= 0:
        return ""
    cost = whole.cost - (ahead.cost or 0.0) if whole.cost is not None else None
    saved = f", {money(max(0.0, cost))}" if cost is not None else ""
    return f"Already paid: {counted(calls, 'call')}{saved}. Their replies are in the log and are not asked for again."
