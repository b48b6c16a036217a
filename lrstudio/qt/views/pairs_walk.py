"""From question to question of a project, whether they have pairs or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lrstudio.qt.bridge.operations import Operations

if TYPE_CHECKING:
    from lrstudio.services.wiring import Project


class QuestionWalk:
    """Knows the questions with two or more candidates, once it was asked."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._known: tuple[str, ...] | None = None

    def forget(self) -> None:
        """Read the questions anew the next time."""
        self._known = None

    def step(self, project: Project, here: str, by: int, *, to: Callable[[str], None]) -> None:
        """Call `to` with the question so many after `here`, at most the last one; "" where there is none at all."""
        known = self._known

        def read() -> tuple[str, ...]:
            if known is not None:
                return known
            return tuple(it.question_id for it in project.audit.questions() if len(it.candidates) > 1)

        def there(found: tuple[str, ...]) -> None:
            self._known = found
            if not found:
                to("")
            elif here not in found:
                to(found[0])
            else:
                to(found[max(0, min(found.index(here) + by, len(found) - 1))])

        self._operations.query(read, there, slot="pairs questions")
