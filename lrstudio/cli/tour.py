"""`lrstudio tour`: the main job once, end to end, without a display: import, judge, decide, export, train."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from lrstudio.cli.common import Answer, AsJson, opened, say, verb
from lrstudio.cli.show import words as table_of
from lrstudio.cli.tour_training import Trained, train_in_tour
from lrstudio.domain.decisions import Shown, Target
from lrstudio.domain.verdicts import Claim, Dimension, JudgeIdentity, State, Support, SupportReason
from lrstudio.services.sample import NAME, PARAPHRASE, Planted, planted
from lrstudio.services.wiring import Project, create_sample_project

_SCREENS_SECONDS = 300


@dataclass(frozen=True, slots=True)
class _Checked:
    """One planted sentence beside what the lexical judge says of it."""

    planted: Planted
    verdict: str
    claim_id: str

    @property
    def missed(self) -> bool:
        """Whether it is a claim that is supported in full and that the judge does not call so."""
        return bool(self.claim_id) and self.verdict != Support.FULL.word


@verb
def tour(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Where to put everything.")] = None,
    screens: Annotated[bool, typer.Option(help="Render the window into pictures.")] = True,
    training: Annotated[bool, typer.Option(help="Train a tiny model for 20 steps, where there is torch.")] = True,
    as_json: AsJson = False,
) -> Answer:
    """Do the main job on the sample project and say what came of it."""
    folder = (folder or Path(tempfile.mkdtemp(prefix="lrstudio-tour-"))).absolute()
    path = folder / f"{NAME}.lrs"
    say(f"importing the sample report and judging twelve candidates twice into {path}")
    create_sample_project(path, reviewer="tour").close()
    with opened(path, reviewer="tour") as project:
        lexical = next(choice for choice in project.audit.judges() if choice.identity.judge == "lexical")
        checked = _check(project, lexical.identity)
        paraphrases = [it for it in checked if it.planted.kind == PARAPHRASE]
        for it in paraphrases:
            if it.missed:
                _override(project, it, run_id=lexical.latest_run_id)
        exported = folder / f"{NAME}.judgments.jsonl"
        rows = project.exports.export(exported, what="judgments", all_runs=True)
        scores = table_of(project.audit.documents(), project.audit.questions())
        trained = train_in_tour(project, folder) if training else Trained(None, "Nothing was trained, as was asked.")
    pictures, problem = _render(path, folder / "screens") if screens else ([], "")
    data = {
        "project": str(path),
        "export": str(exported),
        "rows": rows,
        "screens": [str(picture) for picture in pictures],
        "planted": _counts(checked),
        "paraphrases": [
            {
                "candidate_id": it.planted.candidate_id,
                "text": it.planted.text,
                "lexical": it.verdict,
                "overridden": "full" if it.missed else None,
            }
            for it in paraphrases
        ],
        "training": trained.data,
    }
    words = _words(scores, checked, paraphrases, path, exported, pictures, trained.words)
    problems = tuple(it for it in (problem, trained.problem) if it)
    return Answer(data, words, problems=problems, complete=not problems)


def _check(project: Project, lexical: JudgeIdentity) -> list[_Checked]:
    """Put what was planted beside what the lexical judge found, sentence by sentence."""
    claims: dict[str, tuple[Claim, ...]] = {}
    checked = []
    for entry in planted():
        if entry.candidate_id not in claims:
            detail = project.audit.candidate(entry.candidate_id, lexical)
            claims[entry.candidate_id] = tuple(it.claim for it in detail.standings[Dimension.FAITHFULNESS].claims)
        claim = next((it for it in claims[entry.candidate_id] if it.span and it.span.overlaps(entry.span)), None)
        checked.append(_Checked(entry, _verdict(claim), claim.claim_id if claim else ""))
    return checked


def _verdict(claim: Claim | None) -> str:
    if claim is None:
        return "no claim"
    if claim.state is not State.SCORED or claim.support is None:
        return claim.reason.words or claim.state.value
    if claim.support_reason is not SupportReason.UNSTATED:
        return claim.support_reason.value.replace("_", " ")
    return claim.support.word


def _override(project: Project, it: _Checked, *, run_id: str) -> None:
    target = Target(it.planted.candidate_id, Dimension.FAITHFULNESS, it.claim_id)
    reason = "a paraphrase: the words differ, the fact is there"
    project.decisions.override(target, support=Support.FULL, reason=reason, shown=Shown(run_id=run_id, surface="tour"))


def _render(project: Path, out: Path) -> tuple[list[Path], str]:
    """Render the window in a child process: Qt stays out of the command line. Returns the pictures, or what failed."""
    command = [sys.executable, "-m", "lrstudio", "--render", str(project), str(out)]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SCREENS_SECONDS, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        why = f"not done after {_SCREENS_SECONDS} s"
    else:
        if not done.returncode:
            return [Path(line) for line in done.stdout.splitlines() if line], ""
        why = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return [], f"lrstudio: the window could not be rendered ({why}); `--no-screens` does without pictures"


def _counts(checked: list[_Checked]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for it in checked:
        row = counts.setdefault(it.planted.kind, {})
        row[it.verdict] = row.get(it.verdict, 0) + 1
    return counts


def _words(
    scores: str,
    checked: list[_Checked],
    paraphrases: list[_Checked],
    path: Path,
    exported: Path,
    pictures: list[Path],
    trained: str,
) -> str:
    table = Table(
        box=None, pad_edge=False, header_style="bold", title="What was planted, and what the lexical judge says"
    )
    table.add_column("planted")
    table.add_column("lexical judge")
    for kind, verdicts in _counts(checked).items():
        said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items(), key=lambda it: -it[1]))
        table.add_row(kind.replace("_", " "), said)
    out = io.StringIO()
    Console(file=out, width=120, no_color=True, highlight=False).print(table)
    said = "\n".join(
        f"  {it.planted.candidate_id}: “{it.planted.text}”\n     {it.verdict}{' -> full' if it.missed else ''}"
        for it in paraphrases
    )
    missed = sum(it.missed for it in paraphrases)
    screens = "\n".join(f"  {picture}" for picture in pictures) or "  none rendered"
    return (
        f"{scores}\n\n{out.getvalue()}\n"
        f"{len(paraphrases)} paraphrases are supported in full but share hardly a word with the report. The lexical "
        f"judge does not call {missed} of them full; those were overridden:\n"
        f"{said}\n\nproject  {path}\nexport   {exported}\nscreens\n{screens}\n"
        f"\n{trained}\nOpen it with `{_command()} {path}`."
    )


def _command() -> str:
    """Return what a person types to start this very installation."""
    beside = Path(sys.executable).parent / "lrstudio"
    return str(beside) if beside.exists() else f"{sys.executable} -m lrstudio"
