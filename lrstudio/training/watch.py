"""Following a run: what its folder has gained since the last look, from byte to byte."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean

from lrstudio.domain.errors import Refused
from lrstudio.training import scores, wire
from lrstudio.training.events import Curve, Event, Tail
from lrstudio.training.folder import RunFolder
from lrstudio.training.health import JUDGED, WARN, Finding, Limits, Look, after_judging
from lrstudio.training.listing import row_of
from lrstudio.training.runs import RunNews, Sample, Told
from lrstudio.training.scores import Score
from lrstudio.training.wire import Kind

_LOG_BYTES = 1 << 17
_RECENT = 64
_LATEST = 1000


class RunWatch:
    """One run as it goes on. `poll` and what it returns are cheap where nothing happened; one thread at a time.

    `curve`, `evaluations`, `samples` and `told` hold everything so far, of the latest attempt that reached each step;
    `findings` are those of the rule that holds judged answers against the curve.
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
        self.findings: tuple[Finding, ...] = ()
        self._scores: dict[tuple[int, str], Score] = {}
        self._scores_at = 0
        self._judge = ""
        self._seq = 0

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
        points, evaluations = self.curve.add(events), self.evaluations.add(events)
        self._recent.extend(it for it in events[-_LATEST:] if it.kind == Kind.METRIC)
        others = [it for it in events if it.kind != Kind.METRIC]
        told = [_told(it) for it in others if it.kind in (Kind.WARNING, Kind.ERROR)]
        for event in others:
            self.engine = str(event.body.get("engine", "")) if event.kind == Kind.ENGINE else self.engine
        cut, kept = _kept(events)
        samples, judged = self._sampled(kept, cut=cut)
        self._seq = events[-1].seq if events else self._seq
        if judged or cut is not None:
            told += self._found()
        self.told += told
        return RunNews(
            row=row_of(self.folder, recent=tuple(self._recent)),
            points=points,
            evaluations=evaluations,
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

    def _found(self) -> list[Told]:
        """Hold the rewards against the margins, and return what was not found before."""
        limits = _limits(self.folder)
        looks: dict[int, dict[str, float]] = {}
        for sample in self.samples:
            score = self._scores.get(_place(sample))
            if score is not None and score.judge == self._judge and score.reward is not None:
                looks.setdefault(sample.step, {})[sample.row_id] = score.reward
        margins = [(step, it["rewards/margins"]) for step, it in self.curve.points.items() if "rewards/margins" in it]
        before, steps = self.findings, limits.steps
        self.findings = after_judging(
            limits,
            [Look(step, looks[step], _margin_at(margins, step, steps=steps)) for step in sorted(looks)],
            judge=self._judge,
        )
        known = {it.step for it in before}
        new = [it for it in self.findings if it.step not in known]
        return [Told(self._seq, wire.now(), Kind.WARNING.value, it.why, it.rule, it.step) for it in new]

    def _sampled(self, kept: Iterable[Event], *, cut: int | None) -> tuple[tuple[Sample, ...], bool]:
        """Take in what was answered and scored; return what is new or has a new reward, and whether any has one."""
        if cut is not None:
            self.samples = [it for it in self.samples if it.step <= cut]
        # What was said before the first step is said again by an attempt that begins anew.
        new = list(
            {(it.step, it.row_id): it for it in map(_sample, (it for it in kept if it.kind == Kind.SAMPLE))}.values()
        )
        again = {(it.step, it.row_id) for it in new}
        self.samples = [it for it in self.samples if (it.step, it.row_id) not in again]
        first = len(self.samples)
        self.samples += new
        gained, self._scores_at = scores.read(self.folder.path, start=self._scores_at)
        judged = {(it.step, it.answer): it for it in gained}
        self._scores |= judged
        self._judge = gained[-1].judge if gained else self._judge
        changed = []
        for number, sample in enumerate(self.samples if judged else new, start=0 if judged else first):
            place = _place(sample)
            if number >= first or place in judged:
                score = self._scores.get(place)
                self.samples[number] = replace(sample, reward=score.reward if score else None, judged=score is not None)
                changed.append(self.samples[number])
        return tuple(changed), bool(gained)

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


def _margin_at(margins: Sequence[tuple[int, float]], step: int, *, steps: int) -> float | None:
    """Return the mean margin of the `steps` steps up to this one; before the first, of the first so many."""
    end = bisect_right(margins, step, key=lambda it: it[0])
    window = margins[max(0, end - steps) : end] or margins[:steps]
    return fmean(value for _, value in window) if window else None


def _limits(folder: RunFolder) -> Limits:
    """Return the limits of the rule over judged answers; a run from before it has its defaults."""
    options = folder.spec().options
    names = {"health_steps": "steps", "judge_fall": "judge_fall"}
    given = {name: options[option] for option, name in names.items() if option in options}
    return Limits({JUDGED: str(options.get("health_judged", WARN))}, **given)


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
