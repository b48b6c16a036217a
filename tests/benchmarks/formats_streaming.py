"""Pairs by the hundred thousand, out and in: memory does not grow with their number, and writing costs little.

`python -m tests.benchmarks.formats_streaming WHAT COUNT FOLDER` does one of them and prints what it took as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from lrstudio.formats.columns import write_table
from lrstudio.formats.datasets_folder import Card, write_datasets_folder
from lrstudio.formats.detect import read
from lrstudio.formats.longreward_out import write_longreward
from lrstudio.formats.preference import PreferenceRow, Provenance, RatedCandidate
from lrstudio.formats.trl import Trainer, shape_for
from tests.benchmarks import Ratio

MANY, FEW = 100_000, 10_000
IMPORTED, FEW_IMPORTED = 8_000, 2_000
PER_DOCUMENT = 10
_MEGABYTE = 1_000_000
_HELD = 0.05
_HELD_IN_PROJECT = 0.6
_SLOWER = 4.0

_PAIR = PreferenceRow(
    pair_id="",
    question_id="",
    question="",
    chosen=RatedCandidate(candidate_id="", text="It was dredged to seven feet. " * 8, model="a", reward=8.0),
    rejected=RatedCandidate(candidate_id="", text="Nobody knows how deep it was. " * 8, model="b", reward=3.0),
    margin=5.0,
    provenance=Provenance(rule="longreward", judges=("lexical",), licence="CC-BY-4.0"),
)
_DOCUMENT = "The bar had seven feet at low water of ordinary spring tides. " * 60


def pairs(count: int) -> Iterator[PreferenceRow]:
    """Yield pairs, ten on each document of 3,700 characters."""
    document = ""
    for n in range(count):
        if n % PER_DOCUMENT == 0:
            document = f"Document {n // PER_DOCUMENT}. {_DOCUMENT}"
        yield replace(
            _PAIR,
            pair_id=f"p{n}",
            question_id=f"q{n}",
            question=f"How deep was the bar in year {n}?",
            document_id=f"d{n // PER_DOCUMENT}",
            document=document,
            chosen=replace(_PAIR.chosen, candidate_id=f"c{n}"),
            rejected=replace(_PAIR.rejected, candidate_id=f"r{n}"),
            split="test" if n % 20 == 0 else "train",
        )


def to_lines(count: int, folder: Path) -> None:
    """Write TRL rows as JSON lines."""
    shape = shape_for(Trainer.TRL)
    write_table(folder / "pairs.jsonl", shape.rows(pairs(count)), columns=shape.columns)


def to_parquet(count: int, folder: Path) -> None:
    """Write TRL rows as Parquet."""
    shape = shape_for(Trainer.TRL)
    write_table(folder / "pairs.parquet", shape.rows(pairs(count)), columns=shape.columns)


def to_datasets(count: int, folder: Path) -> None:
    """Write a datasets folder with two splits."""
    shape = shape_for(Trainer.TRL)
    write_datasets_folder(folder / "set", shape.rows(pairs(count)), columns=shape.columns, card=Card(title="Pairs"))


def to_longreward(count: int, folder: Path) -> None:
    """Write the file of pairs of the LongReward scripts."""
    write_longreward(folder / "longreward", scored=(), pairs=pairs(count))


def from_lines(count: int, folder: Path) -> None:
    """Read TRL rows again, after writing them."""
    to_lines(count, folder)
    assert sum(1 for _ in read(folder / "pairs.jsonl")) == 5 * count


def from_parquet(count: int, folder: Path) -> None:
    """Read TRL rows from Parquet again, after writing them."""
    to_parquet(count, folder)
    assert sum(1 for _ in read(folder / "pairs.parquet")) == 5 * count


def into_project(count: int, folder: Path) -> None:
    """Import TRL rows into a new project, after writing them."""
    from lrstudio.services.wiring import create_project

    to_lines(count, folder)
    project = create_project(folder / "p.lrs", reviewer="ann")
    report = project.imports.import_paths([folder / "pairs.jsonl"])
    assert (report.new.pairs, report.errors) == (count, ())
    project.close()


JOBS: Mapping[str, Callable[[int, Path], None]] = {
    job.__name__: job
    for job in (to_lines, to_parquet, to_datasets, to_longreward, from_lines, from_parquet, into_project)
}


def peak_bytes() -> int:
    """Return the most memory that this process has held so far.

    Where there is /proc it says so; `ru_maxrss` also counts what the parent held when it forked.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def measured(job: str, count: int) -> dict[str, float]:
    """Do a job in a process of its own and return its peak memory and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "tests.benchmarks.formats_streaming", job, str(count), folder]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def memory() -> list[Ratio]:
    """How many of each further megabyte of text are held in memory."""
    per_pair = len(json.dumps(next(shape_for(Trainer.TRL).rows(pairs(1))))) / _MEGABYTE
    ratios = []
    for job in JOBS:
        few, many = (FEW_IMPORTED, IMPORTED) if job == "into_project" else (FEW, MANY)
        more = (measured(job, many)["peak"] - measured(job, few)["peak"]) / _MEGABYTE
        text = per_pair * (many - few)
        detail = f"{more:.1f} MB more for {many:,} pairs than for {few:,}, which have {text:.0f} MB more text"
        bound = _HELD_IN_PROJECT if job == "into_project" else _HELD
        ratios.append(Ratio(f"memory held, {job}", max(0.0, more) / text, bound, detail))
    return ratios


def speed() -> list[Ratio]:
    """How much longer a writer takes than `json.dumps` of the same rows alone."""
    shape = shape_for(Trainer.TRL)
    started = time.perf_counter()
    for row in shape.rows(pairs(FEW)):
        json.dumps(row)
    plain = time.perf_counter() - started
    ratios = []
    for job in ("to_lines", "to_parquet", "to_datasets"):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as warm:
            JOBS[job](1, Path(warm))  # imports pyarrow
            started = time.perf_counter()
            JOBS[job](FEW, Path(folder))
            taken = time.perf_counter() - started
        detail = f"{taken:.2f} s, of {plain:.2f} s for json.dumps alone, {FEW:,} pairs"
        ratios.append(Ratio(f"time, {job}", taken / plain, _SLOWER, detail))
    return ratios


BENCHMARKS = (memory, speed)


if __name__ == "__main__":
    began = time.perf_counter()
    JOBS[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))
    sys.stdout.write(json.dumps({"peak": peak_bytes(), "seconds": time.perf_counter() - began}))
