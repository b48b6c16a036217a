"""Jobs in the queue of Slurm, by its own programs on the host: sbatch, squeue, sacct where it answers, scancel."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lrstudio.domain.errors import Environment
from lrstudio.training.hosts import job_files
from lrstudio.training.hosts.launcher import Job, Standing, Turn
from lrstudio.training.hosts.transport import Command, Ran, Transport, Unreachable

LONGEST_WARNING: Final = 300
"""Seconds before the time limit at which a run is told to save; half of the limit where that is less. Slurm looks at
its clock twice a minute, and says so up to a minute early."""

_AWAY = (
    "Unable to contact slurm controller",
    "Socket timed out",
    "Connection refused",
    "Connection timed out",
    "Zero Bytes were transmitted",
    "backup controller in standby",
    "temporarily unable to accept job",
    "temporarily unavailable",
)
_GONE = ("Invalid job id", "already completing or completed")
_NOT_FOUND = 127

_WAITS = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
)
_OVER = frozenset(
    {"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY"}
    | {"REVOKED", "LAUNCH_FAILED", "RECONFIG_FAIL"}
)

_WHY: Final[Mapping[str, str]] = {
    "Resources": "waits until a GPU or a processor is free",
    "Priority": "waits behind jobs that go first",
    "Dependency": "waits for another job",
    "JobHeldUser": "is held; `scontrol release` lets it go",
    "JobHeldAdmin": "is held by the administrator",
    "PartitionTimeLimit": "asks for more time than the partition gives",
    "PartitionNodeLimit": "asks for more nodes than the partition gives",
    "BadConstraints": "asks for what no node has",
}
_ENDED: Final[Mapping[str, str]] = {
    "TIMEOUT": "the time limit ended it",
    "OUT_OF_MEMORY": "it needed more memory than Slurm gives it",
    "NODE_FAIL": "its node failed",
    "PREEMPTED": "it was put aside for a job that goes first",
    "CANCELLED": "it was cancelled in Slurm",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """A job in Slurm's list."""

    number: str
    word: str
    why: str = ""
    begins: str = ""
    nodes: str = ""

    @property
    def turn(self) -> Turn:
        # A word that is not known here is no proof that a job is over.
        return Turn.WAITS if self.word in _WAITS else Turn.OVER if self.word in _OVER else Turn.WORKS


class SlurmLauncher:
    """Starts jobs by sbatch. A handle is the name of the job in Slurm, so that one whose answer was lost is found.

    Whatever was submitted twice, one job alone becomes the job of a key: the first that begins leaves its number in the
    folder, and any other ends at once.
    """

    def __init__(self, transport: Transport, options: Mapping[str, str]) -> None:
        """Start jobs through this connection, with the host's options: partition, account, gpus, nodes, time_limit."""
        self._transport = transport
        self._options = options

    def start(self, job: Job) -> str:
        """Start a job, once, and return the handle by which the others ask for it."""
        name = job_files.name_of(job)
        if job_files.begun(self._transport, job.folder, name) or self._rows(name):
            return name
        lines = [
            'export LRSTUDIO_REQUEUE="scontrol requeue $SLURM_JOB_ID" LRSTUDIO_RESTARTS="${SLURM_RESTART_COUNT:-0}"',
            # The sign that time runs out may come before the supervisor listens; without this it would be its end.
            "trap '' USR1",
            # The script becomes the job, so that a signal to it is one to the supervisor.
            f"exec {shlex.join(job.words)}",
        ]
        script = job_files.write(self._transport, job, lines=lines, number='"$SLURM_JOB_ID"')
        words = ["sbatch", "--parsable", f"--job-name={name}", f"--comment={job.key}", f"--chdir={job.folder}"]
        words += [f"--output={job.log}", "--open-mode=append", "--requeue", *self._asked_for(), script]
        self._ask(words)
        return name

    def standing(self, handle: str) -> Standing:
        """Tell where a job stands."""
        rows = self._rows(handle)
        if not rows:
            return self._remembered(handle)
        row = min(rows, key=lambda it: (it.turn is not Turn.WORKS, it.turn is not Turn.WAITS))
        if row.turn is Turn.WAITS:
            return Standing(Turn.WAITS, row.word, _waiting(row), row.number)
        return Standing(row.turn, row.word, _ENDED.get(row.word, ""), row.nodes or row.number)

    def end(self, handle: str, *, at_once: bool = False) -> None:
        """Take a job that waits out of its queue, or ask one that works to end (its supervisor saves first)."""
        for row in self._rows(handle):
            if row.turn is Turn.OVER:
                continue
            if not at_once:
                # One that begins just now is left alone by the first and asked by the second.
                self._cancel(["--state=PENDING", row.number])
                self._cancel(["--batch", "--signal=TERM", "--state=RUNNING", row.number])
            else:
                self._cancel([row.number])

    def _cancel(self, words: Sequence[str]) -> None:
        try:
            self._ask(["scancel", *words])
        except Unreachable:
            raise
        except Environment as error:
            if not any(sign in error.sentence for sign in _GONE):
                raise

    def _asked_for(self) -> list[str]:
        given = {name: value for name, value in self._options.items() if value}
        words = [f"--{name}={given[name]}" for name in ("partition", "account", "nodes") if name in given]
        words += [f"--gres=gpu:{given['gpus']}"] if "gpus" in given else []
        words += ["--ntasks-per-node=1"]
        warning = LONGEST_WARNING
        if "time_limit" in given:
            words.append(f"--time={given['time_limit']}")
            warning = min(warning, seconds_of(given["time_limit"]) // 2)
        return [*words, f"--signal=B:USR1@{warning}"]

    def _rows(self, name: str) -> list[_Row]:
        done = self._ask(["squeue", "--noheader", "--me", "--states=all", f"--name={name}", "--format=%i|%T|%r|%S|%N"])
        return [_Row(*line.strip().split("|", 4)) for line in done.out.decode("utf-8", "replace").splitlines() if line]

    def _remembered(self, name: str) -> Standing:
        """Ask the accounts for a job that has left the list; many clusters keep none."""
        words = ["sacct", "--noheader", "--parsable2", "--allocations", f"--name={name}", "--starttime=now-60days"]
        try:
            done = self._ask([*words, "--format=JobID,State,NodeList"])
        except Unreachable:
            raise
        except Environment:
            return Standing(Turn.NEVER, "", "Slurm has no such job, or has forgotten it")
        lines = [line.split("|") for line in done.out.decode("utf-8", "replace").splitlines() if line.count("|") == 2]
        if not lines:
            return Standing(Turn.NEVER, "", "Slurm has no such job")
        number, said, nodes = lines[-1]
        row = _Row(number, said.split()[0] if said else "", nodes=nodes)
        return Standing(row.turn, row.word, _ENDED.get(row.word, ""), row.nodes or row.number)

    def _ask(self, words: Sequence[str]) -> Ran:
        done = self._transport.run(Command(words))
        if done.status == 0:
            return done
        said = done.err.decode("utf-8", "replace")
        if any(sign in said for sign in _AWAY):
            raise Unreachable("Slurm's controller does not answer; what it has begun goes on", where="slurm")
        if done.status == _NOT_FOUND:
            why = f"{words[0]} is not on this host's path: name a machine from which jobs are submitted"
            raise Environment(why, where="slurm")
        raise Environment(f"{words[0]} refuses: {done.said or f'status {done.status}'}", where="slurm")


def seconds_of(time_limit: str) -> int:
    """Return the seconds of a time as [DAYS-]HH:MM:SS."""
    days, _, clock = time_limit.rpartition("-")
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + seconds


def _waiting(row: _Row) -> str:
    if row.why == "BeginTime":
        return f"begins at {row.begins.replace('T', ' ')} by the host's clock"
    known = _WHY.get(row.why, "")
    begins = f", perhaps until {row.begins.replace('T', ' ')}" if row.begins[:1].isdigit() else ""
    return f"{known}{begins}" if known else f"waits; Slurm says {row.why}" if row.why not in ("", "None") else "waits"
