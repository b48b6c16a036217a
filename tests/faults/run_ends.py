"""How a run ended, and what is wrong with that beside a run of the same spec that nothing has disturbed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lrstudio.domain.errors import Refused
from lrstudio.training import checkpoints, wire
from lrstudio.training.events import Curve, Event, Tail
from lrstudio.training.folder import RunFolder
from lrstudio.training.status import Life, status_of
from lrstudio.training.watch import RunWatch
from lrstudio.training.wire import Kind, Phase

RESULT = "result"
_WEIGHTS = "*.safetensors"
_OF_THE_CLOCK = frozenset({"seconds", "tokens_per_second", "memory_gib"})

Numbers = dict[int, dict[str, str]]
"""What steps came to, by step and name, every bit of it, without what the clock and the machine decide."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What a finished run leaves: the numbers of its steps and evaluations, its answers, the hashes of its weights."""

    steps: Numbers
    evaluations: Numbers
    samples: tuple[tuple[int, str, str], ...]
    weights: dict[str, str]

    @classmethod
    def read(cls, run: RunFolder) -> Ends:
        """Read it as a window that opens the run now does.

        Raises:
            ValueError: the events have a gap.
            Refused: likewise.
        """
        watch = RunWatch(run)
        watch.poll()
        return cls(
            steps=_numbers(watch.curve),
            evaluations=_numbers(watch.evaluations),
            samples=tuple((it.step, it.row_id, it.text) for it in watch.samples),
            weights=_weights(run),
        )


def _numbers(curve: Curve) -> Numbers:
    return {step: _bits(point) for step, point in sorted(curve.points.items())}


def _bits(point: Mapping[str, float]) -> dict[str, str]:
    return {name: float(value).hex() for name, value in point.items() if name not in _OF_THE_CLOCK}


def _weights(run: RunFolder) -> dict[str, str]:
    last = checkpoints.latest(run.path)
    folders = [run.path / RESULT, *([last.path] if last else [])]
    files = [path for folder in folders for path in sorted(folder.rglob(_WEIGHTS))]
    return {str(path.relative_to(run.path)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def complaints(run: RunFolder, whole: Ends, *, silent: Collection[int] = ()) -> list[str]:
    """Say what is wrong with a run that was killed and went on to its end; nothing where all is well.

    Args:
        run: the run.
        whole: what the undisturbed one left.
        silent: the attempts whose supervisor was killed, so that it could not say how they ended.
    """
    try:
        ends = Ends.read(run)
        events = Tail().read(run.path / wire.EVENTS)
    except (ValueError, Refused) as error:
        return [f"its events cannot be read: {error}"]
    found = [
        *_unlike("steps", ends.steps, whole.steps),
        *_unlike("evaluations", ends.evaluations, whole.evaluations),
        *_run_again(events, whole),
        *_ended(run, last=max(whole.steps), silent=silent),
        *unsound(run),
        *_left_over(run),
    ]
    if ends.samples != whole.samples:
        found.append(f"its answers differ: {_places(ends.samples)}, not {_places(whole.samples)}")
    if ends.weights != whole.weights:
        names = sorted(name for name, _ in ends.weights.items() ^ whole.weights.items())
        found.append(f"its weights differ: {', '.join(dict.fromkeys(names))}")
    return found


def _unlike(what: str, mine: Numbers, other: Numbers) -> list[str]:
    differing = [step for step in sorted({*mine, *other}) if mine.get(step) != other.get(step)]
    return [f"{what} differ: {', '.join(map(str, differing))}"] if differing else []


def _run_again(events: Iterable[Event], whole: Ends) -> list[str]:
    """Name what an attempt said of a step, even one whose word does not stand, that is not what the step comes to."""
    found = []
    for event in events:
        expected = {Kind.METRIC: whole.steps, Kind.EVALUATION: whole.evaluations}.get(Kind(event.kind))
        if expected is not None and expected.get(event.step or 0) != _bits(event.body["metrics"]):
            found.append(f"attempt {event.attempt} said something else of step {event.step} ({event.kind})")
    return found


def _ended(run: RunFolder, *, last: int, silent: Collection[int]) -> list[str]:
    found = []
    claims, ended = run.claims(), run.exit()
    if ended is None or (ended.reason, ended.code, ended.attempt, ended.last_step) != (
        "finished",
        0,
        len(claims),
        last,
    ):
        found.append(f"it did not end as finished: {ended}")
    for claim in claims[:-1]:
        said = (run.path / wire.CLAIMS / f"{claim.attempt:06d}" / wire.EXIT).is_file()
        if said == (claim.attempt in silent):
            found.append(f"attempt {claim.attempt} {'says' if said else 'does not say'} how it ended")
    found += never_finished_without_an_exit(run)
    return found


def never_finished_without_an_exit(run: RunFolder) -> list[str]:
    """Complain of a run that is told as finished, or goes on as if it were, without exit.json."""
    status = status_of(run)
    if status.phase is Phase.FINISHED and (status.ended is None or status.life is not Life.DEAD):
        return ["it is told as finished and has no exit.json"]
    if status.ended is None and status.life is Life.DEAD and not status.why:
        return ["nothing says why it does not go on"]
    return []


def unsound(run: RunFolder) -> list[str]:
    """Complain of published checkpoints that are not what their manifest says, and stay so: a trainer may still end."""
    first = _unsound(run)
    return [it for it in first if it in _unsound(run)] if first else []


def _unsound(run: RunFolder) -> list[str]:
    whole = {it.name: it for it in checkpoints.published(run.path)}
    there = sorted(path.name for path in (run.path / wire.CHECKPOINTS).glob("step-*") if path.suffix == "")
    return [f"checkpoint {name} is not whole" for name in there if name not in whole or not _verified(whole[name])]


def _verified(checkpoint: checkpoints.Checkpoint) -> bool:
    try:
        return checkpoints.verified(checkpoint)
    except (OSError, ValueError, KeyError):
        return False


def _left_over(run: RunFolder) -> list[str]:
    """Complain of what was never published and is still there when the run is over."""
    left = [*(run.path / wire.CHECKPOINTS).glob("*.tmp"), *run.path.glob(f".{RESULT}*")]
    return [f"{path.relative_to(run.path)} is left over" for path in sorted(left)]


def _places(samples: Iterable[tuple[int, str, str]]) -> str:
    return ", ".join(f"{row_id} at {step}" for step, row_id, _ in samples) or "none"


def unlike_the_file(said: dict[int, str], run: Path) -> list[str]:
    """Complain of a curve, losses by step, that is not what the file says."""
    curve = Curve()
    curve.add(Tail().read(run / wire.EVENTS))
    here = {step: float(point["loss"]).hex() for step, point in curve.points.items()}
    return [] if said == here else [f"a window shows {len(said)} steps, the file has {len(here)}, and they differ"]
