"""Figures of a report, made of what the analyses return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lrstudio.domain.reports import Figure

if TYPE_CHECKING:
    from lrstudio.analysis.estimates import Result


def figure(key: str, title: str, result: Result) -> Figure:
    """Make a figure of what an analysis returned."""
    from lrstudio.analysis.estimates import Estimate

    if isinstance(result, Estimate):
        return Figure(key, title, result.value, result.low, result.high, result.n, result.documents)
    return Figure(key, title, None, None, None, result.n, result.documents, result.sentence)


def figures(results: Mapping[str, Result], titles: Mapping[str, str]) -> tuple[Figure, ...]:
    """Make figures of results by key, in their order."""
    return tuple(figure(key, titles[key], result) for key, result in results.items())
