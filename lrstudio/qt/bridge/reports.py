"""What happened when something failed, told apart by who can mend it."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import PySide6

import lrstudio
from lrstudio.domain.errors import Environment, Refused

_log = logging.getLogger("lrstudio.window")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The person can mend it: shown beside what they did."""

    error: Refused
    initiator: object


@dataclass(frozen=True, slots=True)
class Trouble:
    """The world is in the way: shown as a banner; `retry` does it again."""

    error: Environment
    retry: Callable[[], None]


@dataclass(frozen=True, slots=True)
class BugReport:
    """We are at fault: `text` is what a person can send us. It holds no document text unless an error quotes it."""

    summary: str
    text: str


def bug_report(error: BaseException, *, doing: str = "") -> BugReport:
    """Make a report of an unexpected error, and write it to the log."""
    import platform

    trace = "".join(traceback.format_exception(error))
    _log.error("unexpected error%s\n%s", f" while {doing}" if doing else "", trace)
    lines = (
        f"LongReward Studio {lrstudio.__version__}",
        f"Python {platform.python_version()}, PySide6 {PySide6.__version__}, {platform.platform()}",
        f"While: {doing}" if doing else "",
        "",
        trace,
    )
    return BugReport(f"{type(error).__name__}: {error}", "\n".join(line for line in lines if line or line == ""))


def single(error: BaseException) -> BaseException:
    """Unwrap a group of one error: task groups wrap what their tasks raise."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
