"""The list of runs: what state each is in, its figures, what can be done with it, and how runs differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from lrstudio.training.recipes import RECIPES
from lrstudio.training.runs import Difference, RunRow, Sample, Told
from lrstudio.training.status import Life
from lrstudio.training.wire import Phase
from lrstudio.viewstate.audit_signs import Chip, Sign, score_text
from lrstudio.viewstate.facts import Fact
from lrstudio.viewstate.training_curves import figure
from lrstudio.viewstate.training_preview import duration

COLUMNS: Final = ("run", "recipe", "set", "host", "state", "step", "loss", "held-out reward", "s/pair", "time left")
"""The columns of the table of runs."""

NUMBERS: Final = frozenset({5, 6, 7, 8, 9})
"""Those of them with numbers."""

STATE_COLUMN: Final = COLUMNS.index("state")
_HERE: Final = "here"

_ALIVE: Final = {
    Phase.QUEUED: (Sign.NOT_CHECKED, "queued"),
    Phase.STARTING: (Sign.PARTIAL, "starting"),
    Phase.PREFLIGHT: (Sign.PARTIAL, "checking"),
    Phase.RUNNING: (Sign.FULL, "running"),
    Phase.WAITING_FOR_JUDGE: (Sign.PARTIAL, "waiting for judge"),
    Phase.STOPPING: (Sign.PARTIAL, "stopping"),
}
_WHY_MOST = 60


@dataclass(frozen=True, slots=True)
class RunCells:
    """One row of the table: a text for each column, and the chip of the state."""

    run: RunRow
    texts: tuple[str, ...]
    chip: Chip


def run_cells(row: RunRow) -> RunCells:
    """Return a run as it stands in the table."""
    chip = state_chip(row)
    recipe = RECIPES[row.recipe].title.split(",")[0] if row.recipe in RECIPES else row.recipe
    texts = (
        name_of(row),
        recipe,
        row.set_name,
        row.host or _HERE,
        chip.text,
        step_text(row),
        figure(row.loss),
        rewards_text(row),
        figure(row.seconds_per_pair),
        duration(row.seconds_left) if row.seconds_left is not None and row.running else "–",
    )
    return RunCells(row, texts, chip)


def name_of(row: RunRow) -> str:
    """Return what a run is called: its number, and the name that a person gave it."""
    given = row.name not in ("", row.run_id, f"{row.recipe} {row.number}")
    return f"{row.number} · {row.name}" if given else str(row.number)


def label_of(row: RunRow) -> str:
    """Return what a run is called in a plot."""
    return f"run {row.number}"


def step_text(row: RunRow) -> str:
    """Say how far a run is."""
    if not row.step and not row.steps:
        return "–"
    return f"{row.step:,}/{row.steps:,}" if row.steps else f"{row.step:,}"


def rewards_text(row: RunRow) -> str:
    """Say how the reward of the answers to held-out questions moved."""
    if row.reward_first is None or row.reward_last is None:
        return "–"
    return f"{score_text(row.reward_first)} → {score_text(row.reward_last)}"


def state_chip(row: RunRow) -> Chip:
    """Return the state of a run: alive, over and unknown are three different things."""
    if row.life is Life.UNKNOWN:
        since = f"since {clock_of(row.since)}" if row.since else ""
        return Chip(Sign.UNSCORED, f"unknown {since}".rstrip(), tooltip=_sentence(row.why))
    if row.life is Life.ALIVE:
        sign, word = _ALIVE.get(row.phase or Phase.STARTING, (Sign.FULL, "running"))
        return Chip(sign, word, tooltip=_sentence(row.why))
    if row.phase is Phase.FINISHED:
        return Chip(Sign.FULL, "done", decided=True, tooltip="It has trained to its end.")
    if row.phase is Phase.STOPPED:
        return Chip(Sign.NOT_CHECKABLE, "stopped", tooltip=_sentence(row.why))
    if row.phase is None:
        return Chip(Sign.NOT_CHECKED, "not started", tooltip=_sentence(row.why))
    why = row.why if len(row.why) <= _WHY_MOST else row.why[: _WHY_MOST - 1].rstrip() + "…"
    return Chip(Sign.CONTRADICTED, "failed", why, tooltip=_sentence(row.why))


def spoken(cells: RunCells) -> str:
    """Return a row for a screen reader."""
    told = (f"{name} {text}" for name, text in zip(COLUMNS, cells.texts, strict=True) if text not in ("", "–"))
    return ", ".join(told)


def plot_chip(row: RunRow, *, alone: bool = True) -> Chip:
    """Return a run's chip above the plots; beside others it is short."""
    parts = [label_of(row), state_chip(row).word]
    if alone and row.running and row.phase is Phase.RUNNING:
        if row.steps:
            parts.append(f"step {row.step:,}/{row.steps:,}")
        if row.seconds_left is not None:
            parts.append(f"{duration(row.seconds_left)} left")
    return replace(state_chip(row), word=" · ".join(parts), note="", decided=False)


def clock_of(time: str) -> str:
    """Return the time of day of an ISO 8601 time, here; with the day where it is not today's."""
    try:
        moment = datetime.fromisoformat(time).astimezone()
    except ValueError:
        return time
    today = datetime.now().astimezone().date()
    return moment.strftime("%H:%M") if moment.date() == today else moment.strftime("%Y-%m-%d %H:%M")


def run_facts(row: RunRow | None) -> frozenset[Fact]:
    """Return what holds of the run looked at."""
    if row is None:
        return frozenset()
    facts = {Fact.RUN}
    if row.running:
        facts.add(Fact.RUN_ALIVE)
    elif row.life is Life.DEAD:
        facts.add(Fact.RUN_OVER)
    # One of this machine that another had is asked about first; what a host does is never guessed.
    if row.can_resume or (row.life is Life.UNKNOWN and not row.host):
        facts.add(Fact.RUN_RESUMABLE)
    if row.host and row.life is Life.DEAD and row.phase is Phase.FINISHED:
        facts.add(Fact.RUN_FAR)
    return frozenset(facts)


def kill_words(row: RunRow) -> str:
    """Ask whether a run is to be stopped at once."""
    return (
        f"Run {row.number} stops at once, at step {row.step:,}. The steps since its last checkpoint are lost; "
        "a resume runs them again to the same numbers. “Stop and save” loses nothing."
    )


def stopped_words(row: RunRow) -> str:
    """Say how a run ended that was asked to save and stop."""
    if row.phase is Phase.FINISHED:
        return f"Run {row.number} has finished all the same."
    if row.phase is not Phase.STOPPED:
        return f"Run {row.number} has failed. {_sentence(row.why)}".rstrip()
    return f"Run {row.number} has stopped at step {row.step:,}. Resume goes on behind its last checkpoint."


def take_over_words(row: RunRow) -> str:
    """Ask whether a run that nobody here can ask about is over."""
    when = f"at {clock_of(row.since)}" if row.since else "some time ago"
    return (
        f"Run {row.number} was last heard of {when}: {row.why}. Go on with it only when you know that nothing works on "
        "it any more; two trainers would spoil its checkpoints."
    )


def remove_words(row: RunRow) -> str:
    """Ask whether a run is to be removed."""
    if row.host:
        return (
            f"Run {row.number} goes with its folder here and its folder on {row.host}: checkpoints, result, curves and "
            "log. This cannot be undone."
        )
    return f"Run {row.number} goes with its folder: checkpoints, result, curves and log. This cannot be undone."


def told_line(told: Told) -> str:
    """Write a warning or an error as a line of the log."""
    at = f" at step {told.step:,}" if told.step is not None else ""
    rule = f" ({told.rule})" if told.rule else ""
    glyph = "✕" if told.kind == "error" else "◐"
    return f"{glyph} {clock_of(told.time)} {told.kind}{at}{rule}: {told.why}"


@dataclass(frozen=True, slots=True)
class SampleCells:
    """An answer to a held-out question, with the heading that it stands under."""

    sample: Sample
    heading: str


def sample_cells(samples: Sequence[Sample]) -> tuple[SampleCells, ...]:
    """Return answers question by question, the steps of each in order, the latest answer to a step alone."""
    latest = {(it.row_id, it.step): it for it in sorted(samples, key=lambda it: it.attempt)}
    order = {row_id: at for at, row_id in enumerate(dict.fromkeys(it.row_id for it in samples))}
    ordered = sorted(latest.values(), key=lambda it: (order[it.row_id], it.step))
    return tuple(SampleCells(it, _sample_heading(it)) for it in ordered)


def _sample_heading(it: Sample) -> str:
    unscored = "not scored: the judge could not" if it.judged else "not judged yet"
    parts = [f"step {it.step:,}", f"reward {score_text(it.reward)}" if it.reward is not None else unscored]
    if it.tokens:
        parts.append(f"{it.tokens:,} tokens")
    if it.repetition is not None and it.repetition >= _REPEATS:
        parts.append(f"repeats itself: {it.repetition:.0%}")
    return " · ".join(parts)


_REPEATS = 0.2


def differences_text(runs: Sequence[RunRow], differences: Sequence[Difference]) -> str:
    """Say in how many things runs differ."""
    names = " and ".join(label_of(it) for it in runs) if len(runs) == 2 else f"{len(runs)} runs"
    if not differences:
        return f"{names[:1].upper()}{names[1:]} have the same configuration."
    things = "one thing" if len(differences) == 1 else f"{len(differences)} things"
    return f"{names[:1].upper()}{names[1:]} differ in {things}."


def _sentence(why: str) -> str:
    return f"{why[:1].upper()}{why[1:]}" + ("" if why.endswith((".", "!", "?")) else ".") if why else ""
