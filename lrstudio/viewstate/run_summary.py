"""What a judge run came to: its cost, its states counted by reason, and what its judgments rest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lrstudio.domain.overviews import JudgmentFacts, RunReport
from lrstudio.domain.verdicts import Dimension, JudgeRun, Reason, State
from lrstudio.viewstate.audit_headers import judge_label
from lrstudio.viewstate.audit_list import Keep, keep_these
from lrstudio.viewstate.audit_signs import counted, reason_words
from lrstudio.viewstate.judge_progress import money

WIDE = 2.0
"""From this spread on (points of 10) the samples of a judgment are counted as far apart."""


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """So many judgments of one kind; `keep` shows their candidates in the list. `good` is a score, not a trouble."""

    count: int
    words: str
    keep: Keep
    good: bool = False


@dataclass(frozen=True, slots=True)
class SummaryGroup:
    """The lines of one dimension, or on what all rests."""

    title: str
    lines: tuple[SummaryLine, ...]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The whole summary; `facts` are pairs of a name and a value."""

    run_id: str
    title: str
    facts: tuple[tuple[str, str], ...]
    groups: tuple[SummaryGroup, ...]


def run_summary(report: RunReport) -> RunSummary:
    """Return the summary of a judge run."""
    run = report.run
    groups = [_states(it, report.judgments) for it in Dimension if it in run.dimensions]
    groups.append(_basis(report.judgments))
    return RunSummary(
        run.run_id,
        f"{judge_label(run.identity)} · {run_words(run)}",
        _facts(run, report.judgments),
        tuple(group for group in groups if group.lines),
    )


def run_words(run: JudgeRun) -> str:
    """Name a judge run by its state and its beginning: "done, 2026-11-20 09:14"."""
    return f"{run.state.value}, {run.started[:16].replace('T', ' ')}"


def _facts(run: JudgeRun, judgments: Sequence[JudgmentFacts]) -> tuple[tuple[str, str], ...]:
    candidates = len({it.candidate_id for it in judgments})
    facts = [("judged", f"{counted(candidates, 'candidate')}, {counted(len(judgments), 'judgment')}")]
    if run.calls:
        facts.append(("calls", f"{run.calls:,}"))
        facts.append(("tokens", f"{run.input_tokens:,} in, {run.output_tokens:,} out"))
        facts.append(("cost", "unknown" if run.cost is None else money(run.cost)))
    if run.identity.prompt_pack:
        facts.append(("prompt pack", run.identity.prompt_pack))
    return tuple(facts)


def _states(dimension: Dimension, judgments: Sequence[JudgmentFacts]) -> SummaryGroup:
    """Count what is scored, then each reason apart, the most frequent first."""
    mine = [it for it in judgments if it.dimension is dimension]
    name = dimension.value
    kinds: dict[tuple[State, Reason], list[str]] = {}
    for it in mine:
        kinds.setdefault((it.state, it.reason), []).append(it.candidate_id)
    lines = []
    for (state, reason), ids in sorted(kinds.items(), key=lambda kind: (kind[0][0] is not State.SCORED, -len(kind[1]))):
        words = "scored" if state is State.SCORED else f"{_state_words(state)}: {reason_words(state, reason)}"
        keep = keep_these(f"{reason_words(state, reason) or words} · {name}", ids)
        lines.append(SummaryLine(len(ids), words, keep, good=state is State.SCORED))
    return SummaryGroup(name.capitalize(), tuple(lines))


def _state_words(state: State) -> str:
    return state.value.replace("_", " ")


def _basis(judgments: Sequence[JudgmentFacts]) -> SummaryGroup:
    """Count the judgments that do not rest on everything, or not on one clear reply."""
    kinds: tuple[tuple[str, Callable[[JudgmentFacts], bool]], ...] = (
        ("not every chunk read", lambda it: it.coverage.chunks_read < it.coverage.chunks_total),
        ("tokens cut away", lambda it: it.coverage.tokens_cut > 0),
        (f"samples {WIDE:g} points or more apart", lambda it: spread(it.samples) >= WIDE),
    )
    lines = []
    for words, holds in kinds:
        ids = [it.candidate_id for it in judgments if holds(it)]
        if ids:
            lines.append(SummaryLine(len(ids), words, keep_these(words, ids)))
    return SummaryGroup("What they rest on", tuple(lines))


def spread(samples: Sequence[float]) -> float:
    """Return how far the repeats of a score lie apart; 0 where there are none."""
    return max(samples) - min(samples) if samples else 0.0
