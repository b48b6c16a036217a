"""`lrstudio show`: what stands in a project, as a table."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.table import Table

from lrstudio.cli.common import Answer, AsJson, ProjectPath, opened, verb
from lrstudio.domain.summaries import CandidateSummary, DimensionSummary, QuestionSummary
from lrstudio.domain.verdicts import Dimension, JudgeRun

WIDTH = 120


@verb
def show(project: ProjectPath, as_json: AsJson = False) -> Answer:
    """List questions and candidates with their effective scores."""
    with opened(project) as it:
        questions = it.audit.questions()
        runs = it.audit.runs()
        title = it.title
    data = {
        "project": str(project),
        "title": title,
        "questions": [_question_row(question) for question in questions],
        "judge_runs": [_run_row(run) for run in runs],
    }
    return Answer(data, words(questions))


def words(questions: tuple[QuestionSummary, ...]) -> str:
    """Return the table that a person reads."""
    if not questions:
        return "the project is empty: import documents, questions and candidates with `lrstudio import`"
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("candidate", no_wrap=True)
    table.add_column("model")
    for dimension in Dimension:
        table.add_column(dimension.letter, justify="right")
    table.add_column("reward", justify="right")
    table.add_column("decided", justify="right")
    for question in questions:
        table.add_row(f"[bold]{_short(question.query)}[/bold]", *[""] * (len(Dimension) + 3), end_section=False)
        for candidate in question.candidates:
            table.add_row(*_cells(candidate))
    out = io.StringIO()
    Console(file=out, width=WIDTH, no_color=True, highlight=False).print(table)
    legend = (
        "H helpfulness, L logicality, F faithfulness, C completeness; * decided by a person; ? unscored; - not checked"
    )
    return out.getvalue() + legend


def _cells(candidate: CandidateSummary) -> list[str]:
    scores = [_score(candidate.dimensions[dimension]) for dimension in Dimension]
    total = f"{candidate.reward.value:.1f} of {len(candidate.reward.dimensions)}" if candidate.reward else "-"
    name = f"  {candidate.label} {candidate.candidate_id}"
    return [name, candidate.model, *scores, total, f"{candidate.parts_decided}/{candidate.parts}"]


def _score(summary: DimensionSummary) -> str:
    if summary.score is not None:
        return f"{summary.score:.1f}{'*' if summary.decided else ''}"
    return "?" if summary.run_id else "-"


def _short(query: str, *, most: int = 60) -> str:
    line = " ".join(query.split()).replace("[", "(").replace("]", ")")
    return line if len(line) <= most else line[: most - 1] + "…"


def _question_row(question: QuestionSummary) -> dict[str, Any]:
    return {
        "question_id": question.question_id,
        "document_id": question.document_id,
        "query": question.query,
        "candidates": [_candidate_row(candidate) for candidate in question.candidates],
    }


def _candidate_row(candidate: CandidateSummary) -> dict[str, Any]:
    return {
        "candidate_id": candidate.candidate_id,
        "label": candidate.label,
        "model": candidate.model,
        "length": candidate.length,
        "reward": candidate.reward.value if candidate.reward else None,
        "reward_dimensions": [it.value for it in candidate.reward.dimensions] if candidate.reward else [],
        "disagreement": candidate.disagreement,
        "parts": candidate.parts,
        "parts_decided": candidate.parts_decided,
        "dimensions": {
            dimension.value: {
                "state": summary.state.value,
                "reason": summary.reason.value,
                "score": summary.score,
                "decided": summary.decided,
                "run_id": summary.run_id or None,
            }
            for dimension, summary in candidate.dimensions.items()
        },
    }


def _run_row(run: JudgeRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "judge": run.identity.judge,
        "model": run.identity.model,
        "prompt_pack": run.identity.prompt_pack,
        "tokenizer": run.identity.tokenizer,
        "state": run.state.value,
        "started": run.started,
        "finished": run.finished or None,
        "calls": run.calls,
        "input_tokens": run.input_tokens,
        "output_tokens": run.output_tokens,
        "cost": run.cost,
    }
