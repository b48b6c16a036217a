"""What makes a host able to train: this package there, and an environment with the pinned packages.

In the host's folder `wheels/<sha256>/` holds this package, as the wheel that was sent and unpacked as `package`,
`blobs/<sha256>` the wheels sent to a host without a network, and `env/<hash>/` an environment: see
`lrstudio.training.far.prepare`. Everything is named after its content, so that nothing is sent or made twice.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from lrstudio.domain.errors import Environment, Refused
from lrstudio.training.far import imports, prepare, unpack
from lrstudio.training.hosts.blobs import FOLDER, local_sha256
from lrstudio.training.hosts.facts import NEEDED, OLDEST, answered, ask, version_of
from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.own_wheel import OwnWheel, constraints, own_wheel
from lrstudio.training.hosts.transport import Command, Transport

TRAIN: Final = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")
"""The packages of the extra `train`; the constraints say which versions."""

_SECONDS: Final = 120.0
_IMPORT_SECONDS: Final = 300.0
_GIB: Final = 12.0


class Stage(StrEnum):
    """What preparing a host is at."""

    ASK = "ask"
    SEND = "send"
    INSTALL = "install"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Step:
    """How far preparing is: a line for a person, and bytes of how many where a size is known (`whole` 0: it is not)."""

    stage: Stage
    said: str
    done: int = 0
    whole: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A host that can train.

    `folder` is the studio's folder there, absolute. `python` are the words that start a Python which trains once
    `variables` are in its environment, `package` the folder in which it finds this package, of the wheel with the
    SHA-256 `wheel`. `environment` is the hash of the one that the studio made, "" for one that was there.
    `versions` are those of the packages that train, as far as they are known.
    """

    folder: str
    python: tuple[str, ...]
    package: str
    wheel: str
    environment: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """Return what the environment of every job there has besides."""
        return {"PYTHONPATH": self.package}


class PrepareCancelled(Exception):
    """The person went back before it was over; nothing on the host counts as ready."""


Progress = Callable[[Step], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an environment must have: requirements and constraints as pip takes them, modules that must load.

    `gib` must be free on the host's disk before anything is installed.
    """

    requirements: tuple[str, ...]
    constraints: str
    imports: tuple[str, ...] = NEEDED
    gib: float = _GIB


def training_wanted() -> Wanted:
    """Return what training needs, in the versions that the studio is tested with."""
    return Wanted(TRAIN, constraints())


@dataclass(frozen=True, slots=True)
class Timing:
    """In seconds: between two looks at what a host installs, and (`look`) at whether anybody is still at it.

    A link that is lost is waited for as long as `patience`, one on another machine who says nothing as long as `quiet`.
    """

    tick: float = 1.0
    look: float = 5.0
    patience: float = 120.0
    quiet: float = 90.0


class Bootstrap:
    """Prepares one host over one connection."""

    def __init__(self, host: Host, transport: Transport, *, wanted: Wanted, timing: Timing | None = None) -> None:
        self._host = host
        self._transport = transport
        self._wanted = wanted
        self._timing = timing or Timing()

    def look(self, facts: Mapping[str, Any] | None = None) -> Prepared | None:
        """Return what is ready there, None where this host must be prepared first; nothing is changed.

        `facts` are what the host has answered already.

        Raises:
            Refused: the host has no Python that can be asked.
            Unreachable: it cannot be asked.
        """
        facts = facts or ask(self._host, self._transport, {"brief": True})
        with tempfile.TemporaryDirectory(prefix="lrstudio-") as folder:
            wheel = own_wheel(Path(folder))
        package = _home(facts["folder"], wheel)
        if not any(it.name == unpack.PACKAGE for it in self._transport.entries(package) or ()):
            return None
        environment = self._environment(facts)
        ready = self._ready(_place(facts, environment))
        return None if ready is None or not self._starts(ready) else self._prepared(facts, wheel, environment, ready)

    def prepare(self, *, progress: Progress, cancelled: Cancelled) -> Prepared:
        """Make the host able to train, going on where an earlier try ended; what is ready is only looked at.

        Args:
            progress: told each step, and each line that is said on the host.
            cancelled: asked every so often; where it says yes the work there is ended.

        Raises:
            PrepareCancelled: `cancelled` said yes.
            Refused: something is wrong that a person can mend; says what to do.
            Environment: the host's disk or network is in the way.
            Unreachable: the link is lost; what was begun there goes on, and another call finds it.
        """
        unless(cancelled)
        progress(Step(Stage.ASK, "looking for a Python"))
        facts = ask(self._host, self._transport, {"brief": True})
        _refuse_old(facts)
        unless(cancelled)
        with tempfile.TemporaryDirectory(prefix="lrstudio-") as folder:
            wheel = own_wheel(Path(folder))
            self._send(wheel, facts, progress=progress, cancelled=cancelled)
        environment = self._environment(facts)
        place = _place(facts, environment)
        ready = self._ready(place)
        if ready is not None and self._starts(ready):
            return self._prepared(facts, wheel, environment, ready)
        if self._host.python:
            ready = self._existing(facts, wheel, progress=progress)
            self._transport.write(f"{place}/{prepare.READY}", json.dumps(ready).encode())
        else:
            # It does not start where the Python that it was made of has gone.
            broken = int(ready["attempt"]) if ready else 0
            self._job(place, facts, progress=progress, cancelled=cancelled)
            ready = self._follow(place, wheel, facts, broken=broken, progress=progress, cancelled=cancelled)
        return self._prepared(facts, wheel, environment, ready)

    def carry(self, *, progress: Progress, cancelled: Cancelled) -> Prepared:
        """Put this package there and nothing else, for what needs no other; at once where it is.

        Raises:
            As `prepare`.
        """
        facts = ask(self._host, self._transport, {"brief": True})
        _refuse_old(facts)
        with tempfile.TemporaryDirectory(prefix="lrstudio-") as folder:
            wheel = own_wheel(Path(folder))
            self._send(wheel, facts, progress=progress, cancelled=cancelled)
        package = f"{_home(facts['folder'], wheel)}/{unpack.PACKAGE}"
        return Prepared(facts["folder"], (facts["python"]["executable"],), package, wheel.sha256)

    def _send(self, wheel: OwnWheel, facts: Mapping[str, Any], *, progress: Progress, cancelled: Cancelled) -> None:
        home = _home(facts["folder"], wheel)
        if any(it.name == unpack.PACKAGE for it in self._transport.entries(home) or ()):
            return
        path = f"{home}/{wheel.path.name}"
        self._upload(wheel.path, path, "sending the studio", progress=progress, cancelled=cancelled)
        words = (facts["python"]["executable"], "-m", unpack.__name__, path)
        ran = self._transport.run(Command(words, {"PYTHONPATH": path}, seconds=_SECONDS))
        if ran.status:
            raise Environment(ran.said or "the studio could not be unpacked there", where=self._host.name)

    def _existing(self, facts: Mapping[str, Any], wheel: OwnWheel, *, progress: Progress) -> dict[str, Any]:
        """Look whether the Python that the person named loads what training needs; that it does is kept."""
        progress(Step(Stage.CHECK, f"looking whether {', '.join(self._wanted.imports)} load"))
        package = f"{_home(facts['folder'], wheel)}/{unpack.PACKAGE}"
        words = (*self._host.python, "-m", imports.__name__, *self._wanted.imports)
        ran = self._transport.run(Command(words, {"PYTHONPATH": package}, seconds=_IMPORT_SECONDS))
        row = answered(ran, imports.MARK)
        if row is None:
            raise Refused(f"the Python there said nothing that can be read: {ran.said}", where="python")
        if row["fails"]:
            said = "; ".join(f"{name} does not load ({why})" for name, why in row["fails"].items())
            raise Refused(
                f"{said}; install it in that environment, name another Python, or leave the field empty to have an "
                "environment made",
                where="python",
            )
        return {"attempt": 0, "versions": row["versions"]}

    def _environment(self, facts: Mapping[str, Any]) -> str:
        """Name an environment after all that decides what is in it."""
        python = facts["python"]
        if self._host.python:
            parts: list[Any] = [self._host.python, python["executable"], python["version"], self._wanted.imports]
            return _hash(parts)
        wheels = [(it.name, it.stat().st_size) for it in _wheels(self._host)]
        wanted = self._wanted
        parts = [wanted.requirements, wanted.constraints, wanted.imports, python["tag"], python["version"][:2], wheels]
        return _hash(parts)

    def _job(self, place: str, facts: Mapping[str, Any], *, progress: Progress, cancelled: Cancelled) -> None:
        """Send what the work there needs: the wheels, then the job itself."""
        blobs = f"{facts['folder']}/{FOLDER}"
        there = {it.name for it in self._transport.entries(blobs) or ()}
        wheels = {}
        for wheel in _wheels(self._host):
            unless(cancelled)
            sha256 = wheels[wheel.name] = local_sha256(wheel)
            if sha256 not in there:
                said = f"sending {wheel.name}"
                self._upload(wheel, f"{blobs}/{sha256}", said, progress=progress, cancelled=cancelled)
        job = {
            "requirements": self._wanted.requirements,
            "constraints": self._wanted.constraints,
            "imports": self._wanted.imports,
            "gib": self._wanted.gib,
            "wheels": wheels,
            "blobs": blobs,
        }
        self._transport.write(f"{place}/{prepare.JOB}", json.dumps(job).encode())

    def _follow(
        self,
        place: str,
        wheel: OwnWheel,
        facts: Mapping[str, Any],
        *,
        broken: int,
        progress: Progress,
        cancelled: Cancelled,
    ) -> dict[str, Any]:
        from lrstudio.training.hosts.bootstrap_follow import Following

        following = Following(
            self._transport,
            place=place,
            python=facts["python"]["executable"],
            package=f"{_home(facts['folder'], wheel)}/{unpack.PACKAGE}",
            timing=self._timing,
            host=self._host,
        )
        return following.follow(beyond=broken, progress=progress, cancelled=cancelled)

    def _ready(self, place: str) -> dict[str, Any] | None:
        piece = self._transport.read(f"{place}/{prepare.READY}")
        if piece is None:
            return None
        row: dict[str, Any] = json.loads(piece.data)
        return row

    def _starts(self, ready: Mapping[str, Any]) -> bool:
        """Tell whether an environment still starts; a Python that the person named has just answered."""
        if self._host.python:
            return True
        return self._transport.run(Command((ready["python"], "-c", ""), seconds=_SECONDS)).status == 0

    def _prepared(
        self, facts: Mapping[str, Any], wheel: OwnWheel, environment: str, ready: Mapping[str, Any]
    ) -> Prepared:
        return Prepared(
            facts["folder"],
            self._host.python or (ready["python"],),
            f"{_home(facts['folder'], wheel)}/{unpack.PACKAGE}",
            wheel.sha256,
            "" if self._host.python else environment,
            ready["versions"],
        )

    def _upload(self, source: Path, path: str, said: str, *, progress: Progress, cancelled: Cancelled) -> None:
        whole = source.stat().st_size

        def sent(done: int, _whole: int) -> None:
            unless(cancelled)
            progress(Step(Stage.SEND, said, done, whole))

        progress(Step(Stage.SEND, said, 0, whole))
        self._transport.upload(source, path, progress=sent)


def _home(folder: str, wheel: OwnWheel) -> str:
    return f"{folder}/wheels/{wheel.sha256}"


def _place(facts: Mapping[str, Any], environment: str) -> str:
    return f"{facts['folder']}/env/{environment}"


def _hash(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _wheels(host: Host) -> list[Path]:
    """List the wheels for a host without a network, none where it has one.

    Raises:
        Refused: the folder that it names has none.
    """
    if not host.wheels:
        return []
    folder = Path(host.wheels).expanduser()
    found = sorted(folder.glob("*.whl")) if folder.is_dir() else []
    if not found:
        said = "there are no wheels in this folder" if folder.is_dir() else "there is no such folder on this machine"
        raise Refused(f"{said}; fill one with `pip download`, see the page on hosts", where="wheels")
    return found


def _refuse_old(facts: Mapping[str, Any]) -> None:
    version = version_of(facts)
    if version[:2] < OLDEST:
        raise Refused(
            f"the host's Python is {'.'.join(map(str, version))}, and {'.'.join(map(str, OLDEST))} or newer is needed; "
            "install one there and name it by its full path",
            where="python",
        )


def unless(cancelled: Cancelled) -> None:
    """Go on, unless the person went back.

    Raises:
        PrepareCancelled: the person did.
    """
    if cancelled():
        raise PrepareCancelled
