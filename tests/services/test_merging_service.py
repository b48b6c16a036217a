"""Two projects made one: nothing twice, nothing lost, the same whichever way round, and what differs is said."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrstudio.domain.decisions import Act, Decision
from lrstudio.domain.errors import Refused
from lrstudio.domain.reviewers import conflicts
from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import Dimension
from lrstudio.services.exports import Exports
from lrstudio.services.merging import merge
from lrstudio.store.records import CallRow, CallState
from lrstudio.store.store import Store
from tests.doubles.backends import BOTH
from tests.doubles.journals import TARGETS, fill, play, steps, value_of, values


@pytest.fixture
def make(tmp_path):
    opened = []

    def new(name: str) -> Store:
        store = Store.create(tmp_path / f"{name}.lrs")
        opened.append(store)
        fill(store)
        return store

    yield new
    for store in opened:
        store.close()


def exported(store: Store, folder, *, name: str = "out") -> bytes:
    path = folder / f"{name}.jsonl"
    Exports(store).export(path)
    return path.read_bytes()


def bare(store: Store) -> list[Decision]:
    """The journal as it reads where ids are not looked at: what an entry names is written out."""
    named: dict[int, Decision] = {}
    for entry in store.journal.decisions():
        undone = named.get(entry.undoes or 0)
        text = f"{entry.reason}|{undone}|{sorted(map(str, (named.get(it) for it in entry.adjudicates)))}"
        named[entry.decision_id] = replace(entry, decision_id=0, undoes=None, adjudicates=(), reason=text)
    return list(named.values())


def clock(start: int, step: int):
    ticks = itertools.count(start, step)
    return lambda: f"2026-01-01T00:00:{next(ticks) / 1000:06.3f}Z"


@settings(max_examples=12)
@given(common=st.lists(steps, max_size=6), left=st.lists(steps, max_size=8), right=st.lists(steps, max_size=8))
def test_merging_is_idempotent_and_the_same_both_ways(tmp_path_factory, common, left, right):
    folder = tmp_path_factory.mktemp("merge")
    with Store.create(folder / "a.lrs") as first:
        fill(first)
        play((), common, clock=clock(0, 1), append=first.journal.append)
    shutil.copy(folder / "a.lrs", folder / "b.lrs")
    for name, own, start in (("a", left, 1000), ("b", right, 1001)):
        with Store.open(folder / f"{name}.lrs") as store:
            play(store.journal.decisions(), own, clock=clock(start, 2), append=store.journal.append)
        shutil.copy(folder / f"{name}.lrs", folder / f"{name}2.lrs")
    with (
        Store.open(folder / "a.lrs") as a, Store.open(folder / "b.lrs") as b,
        Store.open(folder / "a2.lrs") as a2, Store.open(folder / "b2.lrs") as b2,
    ):  # fmt: skip
        dry = merge(a2, b, dry_run=True)
        assert exported(a2, folder) == exported(a, folder)
        one = merge(a2, b)
        assert (dry.new, dry.same, len(dry.disagreements)) == (one.new, one.same, len(one.disagreements))
        assert one.new.decisions == len(right)
        other = merge(b2, a)
        assert bare(a2) == bare(b2)
        assert values(a2) == values(b2)
        told = [{it.target for it in report.disagreements} for report in (one, other)]
        assert told[0] == told[1]
        before = exported(a2, folder)
        again = merge(a2, b)
        assert (again.new.decisions, again.calls, again.replies, again.vectors) == (0, 0, 0, 0)
        assert merge(a2, b2).new.decisions == 0
        assert exported(a2, folder) == before


def test_what_only_the_other_holds_comes_over(make, tmp_path):
    here, there = make("here"), make("there")
    there.library.add_document(Document("e", "Another text.\n", local_only=True))
    there.library.add_question(Question("p", "e", "Why?"))
    there.library.add_candidate(Candidate("c9", "p", "so", "m"))
    there.vectors.save("space", {f"h{n}": bytes([n]) for n in range(200)} | {f"g{n}": b"g" for n in range(250)})
    here.vectors.save("space", {"h0": b"own"})
    report = merge(here, there)
    assert (report.new.documents, report.new.questions, report.new.candidates) == (1, 1, 1)
    assert (report.same.documents, report.same.candidates, report.same.judgments) == (1, 2, 1)
    assert report.vectors == 449
    assert here.vectors.load("space", ["h0", "h7"]) == {"h0": b"own", "h7": b"\x07"}
    assert here.library.document("e").local_only
    assert report.changes.candidates == {"c9"}
    assert exported(here, tmp_path, name="1") == exported(there, tmp_path, name="2")


def test_calls_come_once_and_the_better_end_counts(make):
    here, there = make("here"), make("there")
    call = CallRow("k", "judge", "r", "c1", "h", "m", "p", '{"a": 1}', created="2026-01-01T00:00:00Z")
    end = {"finish_reason": "stop", "parse_state": "ok", "input_tokens": 1, "output_tokens": 2, "cost": None}
    end |= {"seconds": 0.1, "finished": "2026-01-01T00:00:01Z"}
    for store, key in ((here, "k"), (there, "k"), (there, "only there")):
        store.calls.begin(replace(call, key=key))
    here.calls.end("k", state=CallState.DONE, reply="yes", **end)
    there.calls.begin(call)
    there.calls.end("k", state=CallState.FAILED, reply="", error="no", **end)
    there.calls.end("only there", state=CallState.DONE, reply="so", **end)
    report = merge(here, there)
    assert (report.calls, report.replies) == (1, 2)
    assert (merge(here, there).replies, merge(there, here).replies) == (0, 1)
    for store in (here, there):
        kept = store.calls.finished("k")
        assert (kept.reply, kept.attempts) == ("yes", 2)
        assert store.calls.finished("only there").reply == "so"
        assert store.calls.totals("r").calls == 3


def test_what_differs_is_listed_and_stays(make):
    here, there = make("here"), make("there")
    for store, text in ((here, "so"), (there, "not so")):
        store.library.add_candidate(Candidate("c3", "q", text, "m"))
    judgment = there.judging.judgment("r", "c1", Dimension.FAITHFULNESS)
    there.judging.save_judgment(replace(judgment, explanation="another"))
    there.journal.append(Decision(0, "ana", "2026-01-02", Act.OVERRIDE, replace(TARGETS[3], candidate_id="c3")))
    for store, reviewer, number in ((here, "ana", 0.0), (there, "bo", 1.0)):
        for target in TARGETS[:2]:
            after = value_of(target, number if target is TARGETS[0] else 0.5)
            store.journal.append(Decision(0, reviewer, f"2026-01-01 {reviewer}", Act.OVERRIDE, target, after=after))
    report = merge(here, there)
    assert [it.where for it in report.differing] == [
        "there.lrs candidate 'c3'",
        "judgment of c1 in faithfulness by run r",
    ]
    assert [it.target for it in report.disagreements] == [TARGETS[0]]
    assert here.library.candidate("c3").text == "so"
    assert here.journal.decisions("c3") == ()
    assert here.judging.judgment("r", "c1", Dimension.FAITHFULNESS).explanation == ""


def test_an_older_verdict_that_is_merged_in_does_not_win(make):
    here, there = make("here"), make("there")
    target = TARGETS[3]
    here.journal.append(Decision(0, "ana", "2026-02-01", Act.OVERRIDE, target, after=value_of(target, 1.0)))
    there.journal.append(Decision(0, "bo", "2026-01-01", Act.OVERRIDE, target, after=value_of(target, 0.0)))
    merge(here, there)
    assert values(here)["c2", Dimension.HELPFULNESS][1] == 10.0
    # who decides now comes last, even where the clock is behind
    here.journal.append(Decision(0, "bo", "2025-01-01", Act.OVERRIDE, target, after=value_of(target, 0.5)))
    assert values(here)["c2", Dimension.HELPFULNESS][1] == 5.0
    assert [it.target for it in conflicts(here.journal.decisions())] == [target]


def test_a_project_is_not_merged_with_itself(make, tmp_path):
    here = make("here")
    with Store.open(tmp_path / "." / "here.lrs") as same, pytest.raises(Refused, match="the same project"):
        merge(here, same)


@pytest.mark.parametrize("backend", BOTH)
def test_the_verb_merges_a_file_into_any_project(backend, make, tmp_path, request):
    there = make("there")
    target = TARGETS[3]
    there.journal.append(Decision(0, "bo", "2026-01-01", Act.OVERRIDE, target, after=value_of(target, 0.0)))
    place = tmp_path / "p.lrs" if backend == "sqlite" else request.getfixturevalue("postgres").new_database()
    with Store.create(place) as here:
        fill(here)
        here.journal.append(Decision(0, "ana", "2026-02-01", Act.OVERRIDE, target, after=value_of(target, 1.0)))
        report = merge(here, there)
        assert [it.target for it in report.disagreements] == [target]
        assert [it.reviewer for it in here.journal.decisions()] == ["bo", "ana"]
        back = merge(there, here)
        assert back.new.decisions == 1
        assert exported(here, tmp_path, name="1").count(b"\n") == exported(there, tmp_path, name="2").count(b"\n")
        assert bare(here) == bare(there)
        assert json.loads(exported(here, tmp_path).splitlines()[0])["kind"] == "lrstudio-project"


def test_each_record_is_told_and_stopping_undoes_all(make, tmp_path):
    here, there = make("here"), make("there")
    play((), [("bo", "say", 0, 0.5), ("bo", "say", 3, 1.0)], clock=clock(0, 1), append=there.journal.append)
    before, told = exported(here, tmp_path), []

    class Enough(Exception):
        pass

    def stop(read: int) -> None:
        told.append(read)
        if read == dry.records:
            raise Enough

    dry = merge(here, there, dry_run=True)
    with pytest.raises(Enough):
        merge(here, there, step=stop)
    assert told == list(range(1, dry.records + 1))
    assert exported(here, tmp_path) == before
    assert merge(here, there, step=told.append).new.decisions == 2
