"""What can be marked, and the line that shows what is marked."""

from __future__ import annotations

from lrstudio.domain.marks import Mark, MarkKind, Place, Thing
from lrstudio.viewstate.audit import Focus
from lrstudio.viewstate.mark_words import marks_line, notes_text, standing_mark

FOCUS = Focus("c", part_id="p1")


def mark(kind: MarkKind, place: Place, text: str = "") -> Mark:
    return Mark("m", kind, place, text, "ada", "2026-01-01")


MARKS = (
    mark(MarkKind.TAG, Place(Thing.CANDIDATE, "c"), "odd"),
    mark(MarkKind.BOOKMARK, Place(Thing.CANDIDATE, "c")),
    mark(MarkKind.NOTE, Place(Thing.PART, "c", "p1"), "Ask\nBert. " + "x" * 90),
    mark(MarkKind.NOTE, Place(Thing.PART, "c", "p2"), "elsewhere"),
    mark(MarkKind.TAG, Place(Thing.DOCUMENT, "d"), "long"),
)


def test_the_line_shows_the_marks_of_what_is_in_focus_only() -> None:
    line = marks_line(MARKS, FOCUS)
    assert line.startswith("claim: “Ask Bert. xxx")
    assert line.endswith("candidate: ★, #odd   document: #long")
    assert "elsewhere" not in line
    assert "elsewhere" in marks_line(MARKS, Focus("c", part_id="p2"))
    assert marks_line((), FOCUS) == ""


def test_notes_are_read_in_full() -> None:
    assert notes_text(MARKS, FOCUS) == "ada on the claim: Ask\nBert. " + "x" * 90


def test_a_bookmark_is_found_by_its_very_place() -> None:
    assert standing_mark(MARKS, Place(Thing.CANDIDATE, "c")) == MARKS[1]
    assert standing_mark(MARKS, Place(Thing.DOCUMENT, "d")) is None
