"""Review queues in words, the course through one, and the time of an item."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.decisions import Target
from lrstudio.domain.queues import Item, Purpose, Queue
from lrstudio.domain.verdicts import Dimension
from lrstudio.viewstate.queues import PURPOSES, Course, Stopwatch, bar_text, missing, queue_line, words_of

QUEUE = Queue("q", Purpose.JUDGES_DISAGREE, "2026-01-02T03:04:05Z", "ada", 9)


def course(count: int, *, finished: frozenset[int] = frozenset(), at: int = -1) -> Course:
    items = tuple(Item(Target(f"c{n}", Dimension.HELPFULNESS), 0.0, f"reason {n}") for n in range(count))
    return Course(QUEUE, items, finished, at)


def test_every_purpose_is_offered_once() -> None:
    assert [it.purpose for it in PURPOSES] == list(Purpose)
    assert words_of(Purpose.RANDOM_AUDIT).judge


@given(st.integers(1, 12), st.data())
def test_going_on_reaches_every_open_item_once(count: int, data: st.DataObject) -> None:
    now = course(count, finished=frozenset(data.draw(st.sets(st.integers(0, count - 1)))))
    open_ = set(range(count)) - now.finished
    seen = []
    while (following := now.next_open()) is not None:
        now = now.go(following)
        seen.append(now.at)
        now = now.finish(now.at)
    assert sorted(seen) == sorted(open_)
    assert now.left == 0


def test_what_was_left_comes_again_behind_the_last() -> None:
    assert course(3, finished=frozenset({0}), at=2).next_open() == 1
    assert course(3, finished=frozenset({0, 1}), at=2).next_open() is None
    assert course(3, at=1).previous() == 0
    assert course(3, at=0).previous() is None
    assert course(0).next_open() is None
    assert course(3, finished=frozenset({1}), at=2).reopen(1) == course(3, at=1)


def test_a_blind_person_reads_no_reason_that_tells_on_the_judge() -> None:
    now = course(2, at=1, finished=frozenset({0}))
    assert bar_text(now, blind=False).why == "reason 1"
    assert "reason" not in bar_text(now, blind=True).why
    audit = replace(now, queue=replace(QUEUE, purpose=Purpose.RANDOM_AUDIT))
    assert bar_text(audit, blind=True).why == "reason 1"
    assert (bar_text(now, blind=True).title, bar_text(now, blind=True).count) == ("Judges disagree", "1 of 2")
    assert bar_text(now.finish(1), blind=False).why.startswith("All done")


def test_only_the_time_while_it_runs_counts() -> None:
    watch = Stopwatch().run(10.0).halt(13.0).run(100.0).run(101.0)
    assert watch.read(104.0) == 7.0
    assert watch.halt(104.0).read(500.0) == 7.0


def test_a_line_says_how_far_and_how_long() -> None:
    line = queue_line(QUEUE, items=1200, finished=7, seconds=125.4)
    assert (line.done, line.time, line.made) == ("7 of 1,200", "2 min 05 s", "2026-01-02 03:04")
    assert queue_line(QUEUE, items=1, finished=0, seconds=None).time == ""


def test_a_wish_says_what_it_lacks() -> None:
    two = words_of(Purpose.JUDGES_DISAGREE)
    assert missing(two, judge="a", other="b", dimensions=[1]) == ""
    assert "two different" in missing(two, judge="a", other="a", dimensions=[1])
    assert "Choose the judge" in missing(words_of(Purpose.RANDOM_AUDIT), judge=None, other=None, dimensions=[1])
    assert "dimension" in missing(two, judge="a", other="b", dimensions=[])
