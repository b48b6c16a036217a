"""From what a screen marks to what a text view paints."""

from __future__ import annotations

from collections.abc import Iterable

from lrstudio.qt.views.text_gutter import GutterLabel
from lrstudio.qt.views.text_marks import Mark, MarkStyle
from lrstudio.viewstate.audit import MarkRole, SpanMark
from lrstudio.viewstate.audit_signs import Sign

ELSEWHERE = "elsewhere"
"""The group of passages that only other claims use."""

_FAINT = (Sign.HIDDEN, Sign.NOT_CHECKED)


def text_marks(marks: Iterable[SpanMark]) -> list[Mark]:
    """Return the marks as painted.

    What has no verdict to show yet gets a faint ground instead of an underline, so that it can still be seen and
    clicked; so do passages of other claims.
    """
    painted = []
    for mark in marks:
        if mark.role is MarkRole.CLAIM:
            style = MarkStyle.of(mark.sign)
            faint = mark.sign in _FAINT
            painted.append(Mark(mark.span, style, mark.group, mark.focused, decided=mark.decided or faint))
        elif mark.role is MarkRole.EVIDENCE:
            tone = None if mark.sign in (*_FAINT, Sign.UNSCORED, Sign.NOT_CHECKABLE) else MarkStyle.of(mark.sign)
            painted.append(Mark(mark.span, MarkStyle.EVIDENCE, mark.group, mark.focused, tone=tone))
        else:
            painted.append(Mark(mark.span, MarkStyle.UNCHECKED, ELSEWHERE, decided=True))
    return painted


def gutter_labels(marks: Iterable[SpanMark]) -> list[GutterLabel]:
    """Return the ranks of the passages, and the number of the claim in focus."""
    labels = []
    for mark in marks:
        if mark.role is MarkRole.EVIDENCE:
            text = f"{mark.label} ✓" if mark.decided else mark.label
            style = _chip_style(mark) if mark.focused else MarkStyle.EVIDENCE
            labels.append(GutterLabel(mark.span.start, text, style))
        elif mark.role is MarkRole.CLAIM and mark.focused:
            labels.append(GutterLabel(mark.span.start, mark.label, MarkStyle.of(mark.sign)))
    return labels


def _chip_style(mark: SpanMark) -> MarkStyle:
    style = MarkStyle.of(mark.sign)
    return MarkStyle.EVIDENCE if style is MarkStyle.UNCHECKED else style
