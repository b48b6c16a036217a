"""`lrstudio show`: what stands in a project, as a table."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lrstudio.cli.common import Answer, AsJson, ProjectPath, opened, verb
from lrstudio.domain.summaries import CandidateSummary, DimensionSummary, DocumentSummary, QuestionSummary
from lrstudio.domain.verdicts import Dimension, JudgeRun
from lrstudio.viewstate.audit_signs import Sign, counted, sign_of

WIDTH = 120
_DECIDED = "✓"


@verb
def show(project: ProjectPath, as_json: AsJson = False) -> Answer:
    """List documents, questions and candidates with their effective scores."""
    with opened(project) as it:
        documents = it.audit.documents()
        questions = it.audit.questions()
        runs = it.audit.runs()
        path, title = it.path, it.title
    data = {
        "project": str(path),
        "title": title,
        "documents": [_document_row(document) for document in documents],
        "questions": [_question_row(question) for question in questions],
        "judge_runs": [_run_row(run) for run in runs],
    }
    return Answer(data, words(documents, questions))


def words(documents: tuple[DocumentSummary, ...], questions: tuple[QuestionSummary, ...]) -> str:
    """Return the table that a person reads."""
    if not documents and not questions:
        return "the project is empty: import documents, questions and candidates with `lrstudio import`"
    held = f"{counted(len(documents), 'document')}, {counted(len(questions), 'question')}"
    if not questions:
        return f"{held}: import questions with candidates for {'it' if len(documents) == 1 else 'them'}"
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("candidate", no_wrap=True)
    table.add_column("model")
    for dimension in Dimension:
        table.add_column(dimension.letter, justify="right")
    table.add_column("reward", justify="right")
    table.add_column("decided", justify="right")
    for question in questions:
        table.add_row(Text(_short(question.query), style="bold"), *[""] * (len(Dimension) + 3), end_section=False)
        for candidate in question.candidates:
            table.add_row(*_cells(candidate))
    out = io.StringIO()
    Console(file=out, width=WIDTH, no_color=True, highlight=False).print(table)
    dimensions = ", ".join(f"{it.letter} {it.value}" for it in Dimension)
    signs = ", ".join(f"{it.glyph} {it.word}" for it in (Sign.UNSCORED, Sign.NOT_CHECKABLE, Sign.NOT_CHECKED))
    return f"{held}\n\n{out.getvalue()}{dimensions}; {_DECIDED} decided by a person; {signs}"


def _cells(candidate: CandidateSummary) -> list[Text]:
    scores = [_score(candidate.dimensions[dimension]) for dimension in Dimension]
    total = f"{candidate.reward.value:.1f} of {len(candidate.reward.dimensions)}" if candidate.reward else ""
    name = f"  {candidate.label} {candidate.candidate_id}"
    cells = [name, candidate.model, *scores, total, f"{candidate.parts_decided}/{candidate.parts}"]
    return [Text(cell) for cell in cells]


def _score(summary: DimensionSummary) -> str:
    said = sign_of(summary.state, None).glyph if summary.score is None else f"{summary.score:.1f}"
    return said + (_DECIDED if summary.decided else "")


def _short(query: str, *, most: int = 60) -> str:
    line = " ".join(query.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _document_row(document: DocumentSummary) -> dict[str, Any]:
    return {
        "document_id": document.document_id,
        "title": document.title,
        "length": document.length,
        "questions": document.questions,
        "candidates": document.candidates,
    }


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
        "trial": run.trial,
    }
