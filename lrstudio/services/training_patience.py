"""Waiting for a host: told what goes on, asked whether to go on, and not sent away by a link that comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from lrstudio.domain.errors import Environment, Refused
from lrstudio.services.training_preflight import Cancelled, PreflightCancelled, Progress
from lrstudio.training.hosts.transport import Unreachable

T = TypeVar("T")

PATIENCE_SECONDS: Final = 300.0
"""How long a link may be away while somebody waits for a run to be laid out."""

_WORTH_TELLING: Final = 1 << 20


class Patience:
    """Somebody waits: told what goes on, asked whether to go on, and not sent away by a link that comes back."""

    def __init__(self, progress: Progress, cancelled: Cancelled) -> None:
        self.said = progress
        self._cancelled = cancelled
        self._told = 0.0

    def until(self, action: Callable[[], T]) -> T:
        """Do something that may be done again, until the link holds."""
        first, pause = time.monotonic(), 1.0
        while True:
            try:
                return action()
            except Unreachable as error:
                if time.monotonic() - first > PATIENCE_SECONDS:
                    raise
                self.said(f"{error.sentence}; tries again")
                self.rest(pause)
                pause = min(2 * pause, 10.0)

    def rest(self, seconds: float) -> None:
        """Wait, and see whether the person has gone back."""
        until = time.monotonic() + seconds
        while True:
            if self._cancelled():
                raise PreflightCancelled
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.1))

    def sent(self, done: int, of: int) -> None:
        """Tell how much has been sent, now and then."""
        if self._cancelled():
            raise PreflightCancelled
        if time.monotonic() - self._told > 1.0 and of > _WORTH_TELLING:
            self._told = time.monotonic()
            self.said(f"{100 * done // of} % of {of / (1 << 20):,.1f} MiB sent")


class Lines:
    """What a process on a host has printed, a line at a time."""

    def __init__(self) -> None:
        self.at = 0
        self._text = b""
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Take in the bytes from `at` on, and return the lines that became whole."""
        self.at += len(data)
        self._text = (self._text + data)[-(1 << 16) :]
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode("utf-8", "replace").strip() for line in lines if line.strip()]

    def trouble(self, where: str) -> Refused | Environment:
        """Say what went wrong, in its last words."""
        text = self._text.decode("utf-8", "replace")
        last = next((it.strip() for it in reversed(text.splitlines()) if it.strip()), "it said nothing")
        if "Traceback (most recent call last)" in text or last == "it said nothing" or "No module named" in text:
            return Environment(f"preflight broke down there: {last}", where=where)
        return Refused(last)
