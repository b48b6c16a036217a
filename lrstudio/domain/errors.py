"""What can go wrong, told apart by who can mend it.

StudioError
├── Refused        the person can mend it: bad input, a wrong field, a missing key. Shown beside the cause.
└── Environment    the world is at fault: disk, network, lock, another process. Shown as a banner with Retry.

Everything else that is raised is a bug and ends in a report.
"""

from __future__ import annotations


class StudioError(Exception):
    """A sentence for a person: what happened, where, and what to do."""

    def __init__(self, sentence: str, *, where: str = "") -> None:
        """Keep the sentence and, where there is one, the file, row or field it is about."""
        super().__init__(sentence)
        self.sentence = sentence
        self.where = where

    def __str__(self) -> str:
        """Say where before what, so that a list of errors can be scanned."""
        return f"{self.where}: {self.sentence}" if self.where else self.sentence


class Refused(StudioError):
    """The request cannot be done as it stands; the person can change it."""


class Environment(StudioError):
    """Disk, network, permission or another process is in the way; trying again may help."""
