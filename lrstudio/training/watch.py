"""Following a run: what its folder has gained since the last look, from byte to byte."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from lrstudio.domain.errors import Refused
from lrstudio.training import scores, wire
from lrstudio.training.events import Curve, Event, Tail
from lrstudio.training.folder import RunFolder
from lrstudio.training.listing import row_of
from lrstudio.training.runs import RunNews, Sample, Told
from lrstudio.training.wire import Kind

_LOG_BYTES = 1 << 17
_RECENT = 64
_LATEST = 1000

Point = tuple[int, Mapping[str, Any]]


class RunWatch:
    """One run as it goes on. `poll` and what it returns are cheap where nothing happened; one thread at a time.

    `curve`, `evaluations`, `samples` and `told` hold everything so far, of the latest attempt that reached each step.
    """

    def __init__(self, folder: RunFolder) -> None:
        """Begin at the first byte; nothing is read yet."""
        self.folder = folder
        self.curve = Curve()
        self.evaluations = Curve(kind=Kind.EVALUATION.value)
        self.samples: list[Sample] = []
        self.told: list[Told] = []
        self.engine = ""
        self._tail = Tail()
        self._recent: deque[Event] = deque(maxlen=_RECENT)
        self._log_at: int | None = None
        self._log_rest = b""
        self._scores: dict[tuple[int, str], float | None] = {}
        self._scores_at = 0

    def poll(self) -> RunNews:
        """Return what is new, everything at the first call; of what was printed the end only then.

        Raises:
            Refused: the folder is gone, or holds another run than before.
        """
        try:
            events = self._tail.read(self.folder.path / wire.EVENTS)
        except ValueError as error:
            raise Refused(
                f"the events of this run are not those that were read before ({error}); open it anew",
                where=str(self.folder.path / wire.EVENTS),
            ) from error
        self.curve.add(events)
        self.evaluations.add(events)
        self._recent.extend(it for it in events[-_LATEST:] if it.kind == Kind.METRIC)
        others = [it for it in events if it.kind != Kind.METRIC]
        told = [_told(it) for it in others if it.kind in (Kind.WARNING, Kind.ERROR)]
        self.told += told
        for event in others:
            self.engine = str(event.body.get("engine", "")) if event.kind == Kind.ENGINE else self.engine
        cut, kept = _kept(events)
        samples = self._sampled(kept, cut=cut)
        return RunNews(
            row=row_of(self.folder, recent=tuple(self._recent)),
            points=tuple(_points(kept, Kind.METRIC)),
            evaluations=tuple(_points(kept, Kind.EVALUATION)),
            gpu=tuple((it.step or 0, it.body) for it in others if it.kind == Kind.GPU),
            samples=samples,
            told=tuple(told),
            log=tuple(self._printed()),
            cut=cut,
            engine=self.engine,
        )

    def unscored(self) -> tuple[Sample, ...]:
        """Return the samples that no judge has seen yet."""
        return tuple(it for it in self.samples if _place(it) not in self._scores)

    def _sampled(self, kept: Iterable[Event], *, cut: int | None) -> tuple[Sample, ...]:
        if cut is not None:
            self.samples = [it for it in self.samples if it.step <= cut]
        # What was said before the first step is said again by an attempt that begins anew.
        new = list({(it.step, it.row_id): it for it in map(_sample, _of_kind(kept, Kind.SAMPLE))}.values())
        again = {(it.step, it.row_id) for it in new}
        self.samples = [it for it in self.samples if (it.step, it.row_id) not in again]
        first = len(self.samples)
        self.samples += new
        gained, self._scores_at = scores.read(self.folder.path, start=self._scores_at)
        judged = {(it.step, it.answer): it.reward for it in gained}
        self._scores |= judged
        changed = []
        for number, sample in enumerate(self.samples if judged else new, start=0 if judged else first):
            place = _place(sample)
            if number >= first or place in judged:
                self.samples[number] = replace(sample, reward=self._scores.get(place))
                changed.append(self.samples[number])
        return tuple(changed)

    def _printed(self) -> list[str]:
        try:
            with (self.folder.path / wire.LOG).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                if self._log_at is None or self._log_at > size:
                    self._log_at, self._log_rest = max(0, size - _LOG_BYTES), b""
                file.seek(self._log_at)
                data = file.read(size - self._log_at)
        except FileNotFoundError:
            return []
        self._log_at += len(data)
        *lines, self._log_rest = (self._log_rest + data).split(b"\n")
        return [line.decode("utf-8", "replace").rstrip("\r") for line in lines]


def _place(sample: Sample) -> tuple[int, str]:
    return sample.step, scores.answer_key(sample.row_id, sample.text)


def _kept(events: Iterable[Event]) -> tuple[int | None, list[Event]]:
    """Return the step that everything known is cut off behind, if any, and the events that stand after it."""
    cut: int | None = None
    kept: list[Event] = []
    for event in events:
        if event.kind == Kind.ATTEMPT and event.attempt > 1:
            start = int(event.body.get("from_step", 0))
            cut = start if cut is None else min(cut, start)
            kept = [it for it in kept if it.step is None or it.step <= start]
        kept.append(event)
    return cut, kept


def _of_kind(events: Iterable[Event], kind: Kind) -> list[Event]:
    return [it for it in events if it.kind == kind]


def _points(events: Iterable[Event], kind: Kind) -> list[Point]:
    found = ((it.step, it.body.get("metrics", {})) for it in _of_kind(events, kind))
    return [(step, metrics) for step, metrics in found if step is not None]


def _told(event: Event) -> Told:
    body = event.body
    return Told(event.seq, event.time, event.kind, str(body.get("why", "")), str(body.get("rule", "")), event.step)


def _sample(event: Event) -> Sample:
    body = event.body
    return Sample(
        attempt=event.attempt,
        step=event.step or 0,
        row_id=str(body.get("row_id", "")),
        question=str(body.get("question", "")),
        text=str(body.get("text", "")),
        tokens=int(body.get("tokens", 0)),
        repetition=body.get("repetition"),
    )
