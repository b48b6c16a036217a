"""What marks a file as a project, and which schema this program reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

APPLICATION_ID: Final = int.from_bytes(b"LRSP", "big")
"""`PRAGMA application_id` of a project file."""

MIGRATIONS: Final = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema number (`PRAGMA user_version`) and the folders with the revisions that lead to it.

    Revision ids are the schema number in four digits, so the newest revision is the number.
    """

    number: int
    versions: tuple[Path, ...] = (MIGRATIONS / "versions",)

    @property
    def revision(self) -> str:
        """The Alembic revision that this schema is."""
        return f"{self.number:04d}"


CURRENT: Final = Schema(number=1)
