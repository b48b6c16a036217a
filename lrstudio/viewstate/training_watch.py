"""A run as the workspace shows it: what its folder gained is gathered into curves, a log and a list of answers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from lrstudio.training.runs import RunNews, RunRow, Sample
from lrstudio.training.watch import RunWatch
from lrstudio.viewstate.training_curves import Columns, RunLines, device_points
from lrstudio.viewstate.training_runs import SampleCells, label_of, sample_cells, told_line

LOG_LINES = 5000
"""Lines of a log that are kept; the whole of it lies in the run folder."""


@dataclass(frozen=True, slots=True)
class RunScreen:
    """Everything that is shown of one run.

    `log` are the last lines, of `log_total` there were since the run was first looked at. `version` grows whenever
    something but the row changed.
    """

    row: RunRow
    lines: RunLines
    log: tuple[str, ...]
    log_total: int
    warnings: int
    samples: tuple[SampleCells, ...]
    engine: str
    version: int


class Watched:
    """Follows one run; for one thread at a time."""

    def __init__(self, watch: RunWatch) -> None:
        """Begin at the first byte; nothing is read yet."""
        self._watch = watch
        self._curves, self._held_out, self._gpu = Columns(), Columns(), Columns()
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._log_total = self._warnings = self._version = 0
        self._samples: dict[tuple[int, str], Sample] = {}
        self._screen: RunScreen | None = None

    def poll(self) -> RunScreen:
        """Take in what the run has gained, and return it as it is shown now.

        Raises:
            Refused: the folder is gone, or holds another run than before.
        """
        news = self._watch.poll()
        changed = self._take(news)
        before = self._screen
        if before is not None and not changed:
            self._screen = RunScreen(
                news.row, before.lines, before.log, before.log_total, before.warnings, before.samples,
                before.engine, before.version,
            )  # fmt: skip
            return self._screen
        self._version += 1
        lines = RunLines(
            news.row.run_id,
            label_of(news.row),
            self._curves.snapshot(),
            self._held_out.snapshot(),
            self._gpu.snapshot(),
        )
        shown = sample_cells(tuple(self._samples.values()))
        self._screen = RunScreen(
            news.row, lines, tuple(self._log), self._log_total, self._warnings, shown, news.engine, self._version
        )
        return self._screen

    def _take(self, news: RunNews) -> bool:
        if news.cut is not None:
            for columns in (self._curves, self._held_out, self._gpu):
                columns.cut(news.cut)
            self._samples = {key: it for key, it in self._samples.items() if it.step <= news.cut}
        self._curves.add(news.points)
        self._held_out.add(news.evaluations)
        self._gpu.add(device_points(news.gpu))
        lines = [*(told_line(it) for it in news.told), *news.log]
        self._log.extend(lines)
        self._log_total += len(lines)
        self._warnings += len(news.told)
        for sample in news.samples:
            self._samples[sample.step, sample.row_id] = sample
        return bool(news.cut is not None or news.points or news.evaluations or news.gpu or lines or news.samples)
