"""Tags, bookmarks, notes, the guideline's versions, and where one stopped."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from lrstudio.domain.errors import Refused
from lrstudio.domain.marks import MarkKind, Place, Thing
from lrstudio.domain.text import Candidate, Document, Question, Span
from lrstudio.services.marking import Marking
from lrstudio.store.store import Store
from tests.doubles.backends import BOTH

ANSWER = Place(Thing.CANDIDATE, "a")
PASSAGE = Place(Thing.DOCUMENT, "d", span=Span(2, 6))


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    shared = request.param == "postgresql"
    with Store.create(request.getfixturevalue("postgres").new_database() if shared else tmp_path / "p.lrs") as made:
        made.library.add_document(Document("d", "A text.", "Title"))
        made.library.add_question(Question("q", "d", "Why?"))
        made.library.add_candidate(Candidate("a", "q", "Because."))
        yield made


def marking(store: Store, reviewer: str = "ann") -> Marking:
    ticks = count(1)
    return Marking(store, reviewer=lambda: reviewer, clock=lambda: f"2026-01-01T00:00:{next(ticks):02}Z")


def test_a_tag_is_the_projects_and_is_there_once(store: Store) -> None:
    ann, bob = marking(store), marking(store, "bob")
    assert ann.tag([ANSWER, PASSAGE], "hard case").marks == {"a", "d"}
    bob.tag([ANSWER], "hard case")
    assert ann.tags() == {"hard case": 2}
    assert [(it.place, it.reviewer) for it in bob.marks(kind=MarkKind.TAG)] == [(ANSWER, "ann"), (PASSAGE, "ann")]


def test_a_mark_taken_away_can_be_put_on_again(store: Store) -> None:
    ann = marking(store)
    ann.tag([ANSWER], "odd")
    (tag,) = ann.marks()
    assert ann.remove(tag.mark_id).marks == {"a"}
    assert ann.marks() == ()
    assert ann.tags() == {}
    with pytest.raises(Refused, match="there is no mark"):
        ann.remove(tag.mark_id)
    ann.tag([ANSWER], "odd")
    (again,) = ann.marks()
    assert again.time > tag.time


def test_bookmarks_are_ones_own_and_notes_are_everybodys(store: Store) -> None:
    ann, bob = marking(store), marking(store, "bob")
    ann.bookmark([PASSAGE])
    ann.note([ANSWER], " see page 3 ")
    assert [it.what for it in ann.marks()] == [MarkKind.BOOKMARK, MarkKind.NOTE]
    (note,) = bob.marks(item_ids=["a"])
    assert (note.text, note.reviewer) == ("see page 3", "ann")
    bob.rewrite(note, "see page 4")
    assert [(it.text, it.reviewer) for it in ann.marks(kind=MarkKind.NOTE)] == [("see page 4", "bob")]


@pytest.mark.parametrize("name", ["", "  ", "a,b", "two\nlines", "x" * 61])
def test_a_tag_needs_a_plain_name(store: Store, name: str) -> None:
    with pytest.raises(Refused, match="a tag has 1 to 60 characters"):
        marking(store).tag([ANSWER], name)


def test_a_mark_on_something_unknown_is_refused_and_none_is_left_half_put(store: Store) -> None:
    with pytest.raises(Refused, match="no candidate 'x'"):
        marking(store).tag([ANSWER, Place(Thing.CANDIDATE, "x")], "odd")
    assert marking(store).tags() == {}
    with pytest.raises(Refused, match="choose something"):
        marking(store).tag([], "odd")
    with pytest.raises(Refused, match="the note is empty"):
        marking(store).note([ANSWER], " ")


def test_every_version_of_the_guideline_is_kept(store: Store) -> None:
    ann, bob = marking(store), marking(store, "bob")
    assert ann.guideline() is None
    assert ann.write_guideline("# Partial\nhalf of it\n").settings
    bob.write_guideline("# Partial\nany of it")
    assert [(it.version, it.text, it.reviewer) for it in ann.guidelines()] == [
        (2, "# Partial\nany of it", "bob"),
        (1, "# Partial\nhalf of it", "ann"),
    ]
    with pytest.raises(Refused, match="like this already"):
        ann.write_guideline("# Partial\nany of it\n")


def test_everybody_goes_on_where_they_stopped(store: Store) -> None:
    ann, bob = marking(store), marking(store, "bob")
    assert ann.stopped_at() is None
    ann.stop_at(PASSAGE)
    bob.stop_at(Place(Thing.PART, "a", "c1"))
    assert (ann.stopped_at(), bob.stopped_at()) == (PASSAGE, Place(Thing.PART, "a", "c1"))
