"""Who is at the keyboard and what time it is: handed in, so that a person can change and a test can hold still."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], str]
ReviewerName = Callable[[], str]


def utc_now() -> str:
    """Return the time as ISO 8601 in UTC with milliseconds, which sorts as text."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
