"""An environment that is being made on a host, followed from here: its log, its end, and a link that may be lost."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from lrstudio.domain.errors import Environment, Refused
from lrstudio.training.far import claims, prepare
from lrstudio.training.hosts.bootstrap import Cancelled, PrepareCancelled, Progress, Stage, Step, Timing
from lrstudio.training.hosts.facts import answered
from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.transport import Command, Transport, Unreachable

_SECONDS: Final = 60.0
_LINE: Final = 300
_LACKS: Final = ("satisfies the requirement", "o matching distribution", "conflicting dependencies")


class Following:
    """Begins the work, or finds who is at it, and stays until it is over."""

    def __init__(
        self, transport: Transport, *, place: str, python: str, package: str, timing: Timing, host: Host
    ) -> None:
        self._transport = transport
        self._place = place
        self._far = (python, "-m", prepare.__name__)
        self._package = package
        self._timing = timing
        self._host = host
        self._offset = 0
        self._rest = b""
        self._asked_to_end = False
        self._beat: tuple[bytes, float] = (b"", 0.0)
        self._looked = time.monotonic()

    def follow(self, *, beyond: int, progress: Progress, cancelled: Cancelled) -> dict[str, Any]:
        """Return what the host wrote down as ready.

        Args:
            beyond: an attempt that is known to lead to nothing, 0 for none.
            progress: told each line of the log.
            cancelled: asked every tick.

        Raises:
            PrepareCancelled: `cancelled` said yes, and the work there has ended.
            Refused: somebody else cancelled it, or packages cannot be found; says what to do.
            Environment: it failed, or ended without a word.
            Unreachable: the link was lost for longer than is waited for.
        """
        attempt = self._begin(beyond, progress)
        lost = 0.0
        while True:
            try:
                if attempt and cancelled() and not self._asked_to_end:
                    self._transport.write(f"{self._claim(attempt)}/{prepare.CANCEL}", b"")
                    self._asked_to_end = True
                ended = self._turn(attempt, progress)
                if ended is not None:
                    return ended
                attempt = self._unless_quiet(attempt, progress)
                lost = 0.0
            except Unreachable:
                lost = lost or time.monotonic()
                if cancelled() or time.monotonic() - lost > self._timing.patience:
                    raise
                progress(Step(Stage.INSTALL, "the link is lost; the work there goes on"))
            time.sleep(self._timing.tick)

    def _begin(self, beyond: int, progress: Progress) -> int:
        answer = self._asked("start", beyond)
        attempt = int(answer["attempt"])
        if attempt < 0:
            raise Environment(f"the work there did not begin: {answer['said']}", where=self._host.name)
        if attempt:
            progress(Step(Stage.INSTALL, "packages are installed there"))
        self._offset, self._rest, self._beat = 0, b"", (b"", time.monotonic())
        return attempt

    def _turn(self, attempt: int, progress: Progress) -> dict[str, Any] | None:
        """Look once: pass on what was said, and return what is ready once it is."""
        # The end is read before the log, so that the log is whole when it has come.
        ended = self._row(f"{self._claim(attempt)}/{claims.ENDED}") if attempt else {"ok": True}
        if attempt:
            self._tail(attempt, progress)
        if ended is None:
            return None
        if not ended["ok"]:
            raise self._failed(attempt, ended)
        ready = self._row(f"{self._place}/{prepare.READY}")
        if ready is None:
            raise Environment("the environment was made and has gone again; prepare the host again", where=self._place)
        return ready

    def _unless_quiet(self, attempt: int, progress: Progress) -> int:
        """Look every so often whether anybody is still at it; return the attempt that is."""
        now = time.monotonic()
        if now - self._looked < self._timing.look:
            return attempt
        self._looked = now
        standing = self._asked("standing", attempt)
        if standing["goes_on"] is False and self._row(f"{self._claim(attempt)}/{claims.ENDED}") is None:
            if self._asked_to_end:
                raise PrepareCancelled
            raise Environment(
                "the work there was ended from outside; prepare the host again",
                where=f"{self._host.name}:{self._claim(attempt)}/{prepare.LOG}",
            )
        if standing["goes_on"] is not None:
            return attempt
        piece = self._transport.read(f"{self._claim(attempt)}/{prepare.BEAT}")
        beat = piece.data if piece else b""
        if beat != self._beat[0]:
            self._beat = (beat, now)
        if now - self._beat[1] < self._timing.quiet:
            return attempt
        progress(Step(Stage.INSTALL, f"{standing['host']} began this and is silent; it is begun again"))
        return self._begin(attempt, progress)

    def _tail(self, attempt: int, progress: Progress) -> None:
        piece = self._transport.read(f"{self._claim(attempt)}/{prepare.LOG}", start=self._offset)
        if piece is None:
            return
        self._offset += len(piece.data)
        *lines, self._rest = (self._rest + piece.data).split(b"\n")
        for line in lines:
            if words := line.decode("utf-8", "replace").strip():
                progress(Step(Stage.INSTALL, words[:_LINE]))

    def _failed(self, attempt: int, ended: dict[str, Any]) -> Exception:
        if ended.get("cancelled"):
            if self._asked_to_end:
                return PrepareCancelled()
            return Refused("somebody else cancelled it; prepare the host again", where=self._host.name)
        return trouble(self._host, str(ended["said"]), where=f"{self._host.name}:{self._claim(attempt)}/{prepare.LOG}")

    def _claim(self, attempt: int) -> str:
        return f"{self._place}/{claims.CLAIMS}/{attempt:06d}"

    def _row(self, path: str) -> dict[str, Any] | None:
        piece = self._transport.read(path)
        if piece is None:
            return None
        row: dict[str, Any] = json.loads(piece.data)
        return row

    def _asked(self, what: str, attempt: int) -> dict[str, Any]:
        words = (*self._far, what, self._place, str(attempt))
        ran = self._transport.run(Command(words, {"PYTHONPATH": self._package}, seconds=_SECONDS))
        row = answered(ran, prepare.MARK)
        if row is None:
            raise Environment(f"the host did not answer as expected: {ran.said or ran.status}", where=self._host.name)
        return row


def trouble(host: Host, said: str, *, where: str) -> Refused | Environment:
    """Say what to do about what ended the work on a host; `where` is its log."""
    if any(it in said for it in _LACKS):
        if host.wheels:
            return Refused(
                f"the folder of wheels lacks one for the Python there: {said}; fill it with what "
                "`lrstudio hosts wheels` prints, for that Python",
                where="wheels",
            )
        return Environment(
            f"{said}; where the host reaches no package index name a folder of wheels in its field Wheel folder",
            where=where,
        )
    if "No space left" in said or "Disk quota exceeded" in said:
        return Environment(f"{said}; make room there, or name a folder on a larger disk", where=where)
    return Environment(said, where=where)
