"""The wire format of a run folder: the names of its files, and what one line or file of each kind says.

    spec.json       what is to be done; frozen
    pairs.jsonl     the rows to train on
    state.json      where the run stands; replaced by rename
    heartbeat       rewritten by the supervisor every two seconds
    events.jsonl    everything that happened, one JSON object a line, numbered without a gap; the supervisor's alone
    spool/          what the trainer of each attempt says, before the supervisor numbers it
    train.log       what the trainer prints; a file, never a pipe
    ctl/            requests and the answers to them
    claim/          one folder for each attempt, made by rename: who runs it
    ckpt/           checkpoints, published by rename with a manifest
    exit.json       how it ended; written last, once for each attempt

The folder lies on the machine that does the work, and every reader, near or far, reads these files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from lrstudio.domain.errors import Refused

VERSION: Final = 1

SPEC: Final = "spec.json"
PAIRS: Final = "pairs.jsonl"
STATE: Final = "state.json"
HEARTBEAT: Final = "heartbeat"
EVENTS: Final = "events.jsonl"
SPOOL: Final = "spool"
LOG: Final = "train.log"
CONTROL: Final = "ctl"
CLAIMS: Final = "claim"
HOLDER: Final = "holder.json"
TRAINER: Final = "trainer.json"
CHECKPOINTS: Final = "ckpt"
EXIT: Final = "exit.json"
TRAINER_LOCK: Final = "trainer.lock"
SUPERVISOR_LOG: Final = "supervisor.log"

BEAT_SECONDS: Final = 2.0
"""How often the supervisor beats."""

REQUEUED: Final = "requeued"
"""Why an attempt ended that a scheduler's time limit stopped, with another turn to come."""
TIME_LIMIT: Final = "time_limit"
"""Why an attempt ended that a scheduler's time limit stopped for good."""


class Phase(StrEnum):
    """Where a run stands, as the supervisor last said."""

    QUEUED = "queued"
    STARTING = "starting"
    PREFLIGHT = "preflight"
    RUNNING = "running"
    WAITING_FOR_JUDGE = "waiting_for_judge"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Tell whether an attempt that says so has ended."""
        return self in (Phase.FINISHED, Phase.STOPPED, Phase.FAILED)


class Kind(StrEnum):
    """What an event is about."""

    ATTEMPT = "attempt"
    PHASE = "phase"
    METRIC = "metric"
    EVALUATION = "evaluation"
    GPU = "gpu"
    CHECKPOINT = "checkpoint"
    ENGINE = "engine"
    PREFLIGHT = "preflight"
    REFERENCE = "reference"
    SAMPLE = "sample"
    WARNING = "warning"
    ERROR = "error"
    CONTROL = "control"
    EXIT = "exit"


class Request(StrEnum):
    """What can be asked of a run."""

    STOP = "stop"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class Spec:
    """What a run is to do. Written once.

    `command` starts the trainer; the run folder is added behind it, and the number of the attempt. `options` are the
    recipe's; `threads` is the number of compute threads, restored on a resume because it changes the last digits.
    `save_seconds` is how long a stop with save may take before the trainer is ended, `end_seconds` how long after that
    it may take to end before it is killed.
    """

    run_id: str
    recipe: str
    model: str
    command: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    set_name: str = ""
    set_hash: str = ""
    name: str = ""
    created: str = ""
    threads: int = 0
    steps: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    queue: str = ""
    save_seconds: float = 120.0
    end_seconds: float = 20.0
    provenance: Mapping[str, Any] = field(default_factory=dict)
    v: int = VERSION


@dataclass(frozen=True, slots=True)
class State:
    """Where a run stands: `step` is the last one finished, `last_seq` the last event, `why` a sentence or ""."""

    phase: Phase
    attempt: int
    time: str
    step: int = 0
    steps: int | None = None
    last_seq: int = 0
    checkpoint: str = ""
    why: str = ""
    v: int = VERSION


@dataclass(frozen=True, slots=True)
class Exit:
    """How an attempt ended.

    `code` is the trainer's exit status, None where a signal ended it, which is then in `signal`. `reason` is one of
    finished, stopped, requeued, time_limit, killed, failed, out_of_memory, refused, not_started; `why` says it in a
    sentence.
    """

    code: int | None
    signal: int | None
    reason: str
    last_step: int
    attempt: int
    time: str
    checkpoint: str = ""
    why: str = ""
    seconds: float = 0.0
    v: int = VERSION


def phase_of(reason: str) -> Phase:
    """Return where a run stands whose last attempt ended so."""
    if reason in ("stopped", REQUEUED, TIME_LIMIT):
        return Phase.STOPPED
    return Phase.FINISHED if reason == "finished" else Phase.FAILED


def now() -> str:
    """Return the time, ISO 8601 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_json(record: Any) -> str:
    """Write a record of this module, or any JSON value, on one line."""
    value = asdict(record) if hasattr(record, "__dataclass_fields__") else record
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"not JSON: {value!r}")


def spec_of(text: str, *, where: str) -> Spec:
    """Read a spec.

    Raises:
        Refused: it is none, or of a newer version of the format.
    """
    row = _object(text, where=where)
    version = row.get("v")
    if not isinstance(version, int) or version > VERSION:
        raise Refused(f"written by a newer version (its format is {version}, this one reads {VERSION})", where=where)
    try:
        return Spec(**(row | {"command": tuple(row["command"])}))
    except (KeyError, TypeError) as error:
        raise Refused(f"not the spec of a run ({error})", where=where) from error


def state_of(text: str, *, where: str) -> State:
    """Read a state; fields of a newer version are passed over.

    Raises:
        Refused: it is none.
    """
    row = _object(text, where=where)
    try:
        return State(**(_known(row, State) | {"phase": Phase(row["phase"])}))
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"not the state of a run ({error})", where=where) from error


def exit_of(text: str, *, where: str) -> Exit:
    """Read how an attempt ended; fields of a newer version are passed over.

    Raises:
        Refused: it is no such record.
    """
    row = _object(text, where=where)
    try:
        return Exit(**_known(row, Exit))
    except TypeError as error:
        raise Refused(f"not the end of a run ({error})", where=where) from error


def _known(row: dict[str, Any], record: type[Any]) -> dict[str, Any]:
    return {name: row[name] for name in record.__dataclass_fields__ if name in row}


def _object(text: str, *, where: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except ValueError as error:
        raise Refused(f"not valid JSON ({error})", where=where) from error
    if not isinstance(row, dict):
        raise Refused("not a JSON object", where=where)
    return row
