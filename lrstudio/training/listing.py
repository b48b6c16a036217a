"""A run in one row: where it stands, how fast it goes, what is left. Reads a few small files and one file's end."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

from lrstudio.domain.errors import Refused
from lrstudio.training import processes, scores, wire
from lrstudio.training.events import Event, event_of
from lrstudio.training.folder import RunFolder, replace_file
from lrstudio.training.hosts.mirror import asked_of, away_of, is_mirror
from lrstudio.training.runs import RunRow
from lrstudio.training.status import Life, Status, status_of
from lrstudio.training.wire import Kind, Phase

NOTES: Final = "notes.md"
"""What people wrote about a run, in its folder."""

_END_BYTES = 1 << 16
_PACE_STEPS = 20


def row_of(folder: RunFolder, *, recent: Sequence[Event] | None = None) -> RunRow:
    """Return the row of a run.

    Args:
        folder: the run.
        recent: its latest events, in order, where somebody has them; else the end of the file is read.

    Raises:
        Refused: the folder cannot be understood.
    """
    spec = folder.spec()
    status = status_of(folder)
    metrics = [it for it in (recent_events(folder.path) if recent is None else recent) if it.kind == Kind.METRIC]
    seconds = seconds_per_step(metrics)
    rewards = list(scores.by_step(scores.read(folder.path)[0]).values())
    steps = status.steps if status.steps is not None else spec.steps
    step = max(status.step, _step(metrics, status))
    pairs = processes.rows_of_a_step(spec.options) if "accumulation" in spec.options else None
    trains = status.life is Life.ALIVE and status.phase is Phase.RUNNING and _steps_are_known(metrics, spec.options)
    return RunRow(
        run_id=spec.run_id,
        number=number_of(spec.run_id),
        name=spec.name or spec.run_id,
        recipe=spec.recipe,
        set_name=spec.set_name,
        model=spec.model,
        created=spec.created,
        life=status.life,
        phase=status.phase,
        why=status.why,
        attempt=status.attempt,
        step=step,
        steps=steps,
        loss=_loss(metrics),
        seconds_left=seconds * max(0, steps - step) if trains and seconds is not None and steps else None,
        seconds_per_pair=seconds / pairs if seconds is not None and isinstance(pairs, int) and pairs > 0 else seconds,
        reward_first=rewards[0] if rewards else None,
        reward_last=rewards[-1] if rewards else None,
        notes=notes_of(folder.path),
        queued=bool(spec.queue),
        judges_itself=spec.options.get("round_judge") == "lexical",
        can_resume=status.can_resume and status.phase is not None,
        since=_last_word(folder) if status.life is Life.UNKNOWN else "",
        host=away_of(folder.path).host.name if is_mirror(folder.path) else "",
    )


def is_finished(folder: RunFolder) -> bool:
    """Tell whether a run has come to its end, behind which nothing comes; one that cannot be read has not."""
    try:
        ended = folder.exit()
        return ended is not None and ended.reason == "finished" and ended.attempt >= len(folder.claims())
    except Refused:
        return False


def _last_word(folder: RunFolder) -> str:
    """Return when a run last said something, "" where it never did; by the clock of this machine for one on a host."""
    if (asked := asked_of(folder.path)) is not None:
        return asked.since or asked.answered
    try:
        return str(json.loads((folder.path / wire.HEARTBEAT).read_text(encoding="utf-8"))["time"])
    except (OSError, ValueError, KeyError, TypeError):
        state = folder.state()
        return state.time if state is not None else ""


def number_of(run_id: str) -> int:
    """Return the number that a run's id begins with, 0 where it begins with none."""
    head = run_id.partition("-")[0]
    return int(head) if head.isascii() and head.isdigit() else 0


def notes_of(run: Path) -> str:
    """Return the notes on a run, "" where there are none."""
    try:
        return (run / NOTES).read_text(encoding="utf-8").rstrip("\n")
    except FileNotFoundError:
        return ""


def write_notes(run: Path, text: str) -> None:
    """Replace the notes on a run."""
    replace_file(run / NOTES, text.rstrip("\n"))


def recent_events(run: Path) -> list[Event]:
    """Return the events at the end of the file: some hundred, the latest last."""
    try:
        with (run / wire.EVENTS).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _END_BYTES))
            data = file.read()
    except FileNotFoundError:
        return []
    lines = data[: data.rfind(b"\n") + 1].splitlines()
    found = []
    for line in lines[1:] if size > _END_BYTES else lines:
        try:
            found.append(event_of(line))
        except ValueError:
            continue
    return found


def seconds_per_step(metrics: Sequence[Event]) -> float | None:
    """Return the median time of the latest steps: as the trainer measured it, else the time between two events."""
    latest = metrics[-_PACE_STEPS:]
    said = [float(it.body["metrics"]["seconds"]) for it in latest if "seconds" in it.body.get("metrics", {})]
    if said:
        return median(said)
    gaps = [
        (datetime.fromisoformat(after.time) - datetime.fromisoformat(before.time)).total_seconds()
        for before, after in pairwise(latest)
        if before.attempt == after.attempt and (before.step or 0) + 1 == after.step
    ]
    return median(gaps) if gaps else None


def peak_gib(run: Path) -> float | None:
    """Return the largest memory that the trainer has said it took on its device, GiB; None where it said none."""
    try:
        with (run / wire.EVENTS).open("rb") as file:
            found = [_memory(line) for line in file if b'"memory_gib"' in line]
    except FileNotFoundError:
        return None
    return max((it for it in found if it is not None), default=None)


def _memory(line: bytes) -> float | None:
    try:
        memory = event_of(line).body.get("metrics", {}).get("memory_gib")
    except ValueError:
        return None
    return float(memory) if isinstance(memory, int | float) else None


def _loss(metrics: Sequence[Event]) -> float | None:
    loss = metrics[-1].body.get("metrics", {}).get("loss") if metrics else None
    return float(loss) if isinstance(loss, int | float) else None


def _steps_are_known(metrics: Sequence[Event], options: Mapping[str, Any]) -> bool:
    """Tell whether no round of self-play is still to come: how many steps it will have is known when it is judged."""
    rounds = options.get("rounds", 0)
    return not rounds or bool(metrics and metrics[-1].body.get("metrics", {}).get("round", 0) >= rounds)


def _step(metrics: Sequence[Event], status: Status) -> int:
    """The supervisor writes the state down every so often; the events are ahead of it."""
    if status.ended is not None or not metrics or metrics[-1].attempt != status.attempt:
        return 0
    return metrics[-1].step or 0
