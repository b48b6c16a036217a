"""Decisions through the service into a real project file, and what stands because of them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lrstudio.domain.decisions import Act, Shown, Standing, Target
from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Candidate, Document, Question, Span
from lrstudio.domain.verdicts import (
    Claim,
    Dimension,
    Evidence,
    JudgeIdentity,
    JudgeRun,
    Judgment,
    KeyPoint,
    Reason,
    RunState,
    State,
    Support,
    SupportReason,
    faithfulness_score,
    part_id,
)
from lrstudio.services.audit import Audit
from lrstudio.services.decisions import Decisions
from lrstudio.store.store import Store

F, C, H = Dimension.FAITHFULNESS, Dimension.COMPLETENESS, Dimension.HELPFULNESS
DOCUMENT = "The loan was £150,000. The board refused it. Nobody was hurt."
ANSWER = "The loan was £150,000. It was refused by the board. I like harbours."
SPANS = (Span(0, 22), Span(23, 51), Span(52, 68))


def judged_claims() -> tuple[Claim, ...]:
    names = [part_id("c", "a", span.of(ANSWER), span=span) for span in SPANS]
    evidence = (Evidence(Span(0, 22), rank=1, score=3.0),)
    return (
        Claim(names[0], SPANS[0].of(ANSWER), SPANS[0], State.SCORED, support=Support.FULL, evidence=evidence),
        Claim(names[1], SPANS[1].of(ANSWER), SPANS[1], State.UNSCORED, Reason.NEAR_CHANCE, support_probability=0.5),
        Claim(names[2], SPANS[2].of(ANSWER), SPANS[2], State.NOT_CHECKABLE, Reason.OPINION),
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "p.lrs") as made:
        made.library.add_document(Document("d", DOCUMENT, "Loan"))
        made.library.add_question(Question("q", "d", "What of the loan?"))
        made.library.add_candidate(Candidate("a", "q", ANSWER, "m"))
        run = JudgeRun("r1", JudgeIdentity("lexical"), tuple(Dimension), RunState.DONE, "2026-01-01T00:00:00Z")
        made.judging.start_run(run)
        claims = judged_claims()
        state, reason, score = faithfulness_score(claims)
        made.judging.save_judgment(Judgment("r1", "a", F, state, reason, score, aggregated=True, claims=claims))
        point = KeyPoint("k1", "refused", Span(0, 61), Span(23, 44), State.SCORED, covered=Support.PARTIAL)
        made.judging.save_judgment(
            Judgment("r1", "a", C, State.SCORED, score=5.0, aggregated=True, key_points=(point,))
        )
        made.judging.save_judgment(Judgment("r1", "a", H, State.UNSCORED, Reason.NEEDS_LANGUAGE_MODEL))
        yield made


@pytest.fixture
def decisions(store: Store) -> Decisions:
    ticks = iter(range(1000))
    return Decisions(store, reviewer=lambda: "ann", clock=lambda: f"2026-01-02T00:00:{next(ticks):02d}Z")


def now(store: Store, dimension: Dimension = F) -> Standing:
    return Audit(store, reviewer=lambda: "ann").candidate("a").standings[dimension]


def claim(number: int) -> Target:
    return Target("a", F, judged_claims()[number].claim_id)


def test_an_override_changes_what_stands_and_names_what_changed(store: Store, decisions: Decisions) -> None:
    assert now(store).score.score == 10.0
    changes = decisions.override(
        claim(0), support=Support.NONE, support_reason=SupportReason.CONTRADICTED, reason=" wrong sum ", blind=True
    )
    assert changes.decisions == {"a"}
    assert now(store).score.score == 0.0
    entry = store.journal.decisions("a")[0]
    assert (entry.reviewer, entry.act, entry.reason, entry.blind) == ("ann", Act.OVERRIDE, "wrong sum", True)
    assert entry.before.support is Support.FULL
    assert entry.after.support_reason is SupportReason.CONTRADICTED


def test_confirm_takes_over_the_verdict_but_never_an_abstention(store: Store, decisions: Decisions) -> None:
    decisions.confirm(claim(0), shown=Shown(run_id="r1", evidence=(Span(0, 22),)))
    assert now(store).claims[0].decision is not None
    assert store.journal.decisions()[0].shown.evidence == (Span(0, 22),)
    decisions.confirm(claim(2))
    with pytest.raises(Refused, match="gives no verdict"):
        decisions.confirm(claim(1))
    with pytest.raises(Refused, match="hidden"):
        decisions.confirm(claim(0), blind=True)
    assert len(store.journal.decisions()) == 2


def test_scores_of_dimensions(store: Store, decisions: Decisions) -> None:
    with pytest.raises(Refused, match="type one"):
        decisions.confirm(Target("a", H))
    with pytest.raises(Refused, match="0 to 10"):
        decisions.set_score(Target("a", H), 10.5)
    with pytest.raises(Refused, match="0 to 10"):
        decisions.set_score(Target("a", H), float("nan"))
    decisions.set_score(Target("a", H), 7)
    assert now(store, H).score.score == 7.0
    decisions.confirm(Target("a", F))
    assert now(store).score_decision is not None


def test_key_points_are_decided_like_claims(store: Store, decisions: Decisions) -> None:
    decisions.override(Target("a", C, "k1"), support=Support.FULL)
    assert now(store, C).score.score == 10.0
    decisions.add_key_point("a", span=Span(45, 61))
    points = now(store, C).key_points
    assert [(it.key_point.text, it.by_person) for it in points] == [("refused", False), ("Nobody was hurt.", True)]
    decisions.override(Target("a", C, points[1].key_point.key_point_id), support=Support.NONE)
    assert now(store, C).score.score == 5.0


def test_split_merge_reword_and_add(store: Store, decisions: Decisions) -> None:
    decisions.split_claim(claim(0), at=8)
    texts = [it.claim.text for it in now(store).claims]
    assert texts[:2] == ["The loan", "was £150,000."]
    spans = [it.claim.span for it in now(store).claims]
    assert all(span is not None and span.of(ANSWER) == text for span, text in zip(spans, texts, strict=True))
    first = now(store).claims[0].claim.claim_id
    decisions.merge_claims(Target("a", F, first))
    assert now(store).claims[0].claim.text == "The loan was £150,000."
    merged = now(store).claims[0].claim.claim_id
    decisions.reword(Target("a", F, merged), "The loan came to £150,000.")
    assert now(store).claims[0].claim.text == "The loan came to £150,000."
    with pytest.raises(Refused, match="inside the claim"):
        decisions.split_claim(claim(1), at=23)
    decisions.add_claim("a", span=Span(4, 8))
    with pytest.raises(Refused, match="already"):
        decisions.add_claim("a", span=Span(3, 9))
    with pytest.raises(Refused, match="select"):
        decisions.add_claim("a", span=Span(22, 23))
    last = now(store).claims[-1].claim.claim_id
    with pytest.raises(Refused, match="no other claim"):
        decisions.merge_claims(Target("a", F, last))


def test_evidence_is_marked_and_unmarked(store: Store, decisions: Decisions) -> None:
    decisions.mark_evidence(claim(1), Span(23, 44))
    assert [(it.span, it.by_person) for it in now(store).claims[1].claim.evidence] == [(Span(23, 44), True)]
    with pytest.raises(Refused, match="marked already"):
        decisions.mark_evidence(claim(1), Span(23, 44))
    decisions.unmark_evidence(claim(1), Span(23, 44))
    assert now(store).claims[1].claim.evidence == ()


def test_what_belongs_to_claims_is_refused_elsewhere(store: Store, decisions: Decisions) -> None:
    point = Target("a", C, "k1")
    for attempt in (
        lambda: decisions.split_claim(point, at=3),
        lambda: decisions.merge_claims(point),
        lambda: decisions.mark_evidence(point, Span(0, 3)),
        lambda: decisions.unmark_evidence(point, Span(0, 3)),
        lambda: decisions.mark_evidence(claim(0), Span(0, 10**6)),
    ):
        with pytest.raises(Refused):
            attempt()
    assert store.journal.decisions() == ()


def test_undo_and_redo_survive_reopening_and_keep_the_journal(store: Store, decisions: Decisions) -> None:
    decisions.override(claim(0), support=Support.NONE)
    decisions.override(claim(0), support=Support.PARTIAL)
    assert now(store).score.score == 5.0
    decisions.undo()
    assert now(store).score.score == 0.0
    store.close()
    with Store.open(store.path) as again:
        later = Decisions(again, reviewer=lambda: "ann", clock=lambda: "2026-01-03T00:00:00Z")
        later.undo()
        assert now(again).score.score == 10.0
        assert not later.undo()
        later.redo()
        later.redo()
        assert now(again).score.score == 5.0
        assert not later.redo()
        assert [entry.act for entry in again.journal.decisions()].count(Act.UNDO) == 2
        other = Decisions(again, reviewer=lambda: "bob")
        assert not other.undo(), "nobody undoes another reviewer's decisions"


def test_unknown_targets_are_refused_and_write_nothing(store: Store, decisions: Decisions) -> None:
    with pytest.raises(Refused, match="no claim 'nope'"):
        decisions.override(Target("a", F, "nope"), support=Support.FULL)
    with pytest.raises(Refused, match="no candidate"):
        decisions.set_score(Target("zz", F), 5)
    with pytest.raises(Refused, match="only support none"):
        decisions.override(claim(0), support=Support.FULL, support_reason=SupportReason.NOT_FOUND)
    assert store.journal.decisions() == ()


def test_decisions_follow_the_judge_that_was_on_screen(store: Store, decisions: Decisions) -> None:
    other = replace(judged_claims()[0], support=Support.NONE)
    run = JudgeRun("r2", JudgeIdentity("http", "big"), (F,), RunState.DONE, "2026-01-05T00:00:00Z")
    store.judging.start_run(run)
    store.judging.save_judgment(Judgment("r2", "a", F, State.SCORED, score=0.0, aggregated=True, claims=(other,)))
    decisions.confirm(claim(0), shown=Shown(run_id="r1"))
    assert store.journal.decisions()[0].after.support is Support.FULL
    decisions.confirm(Target("a", F), shown=Shown(run_id="r2"))
    audit = Audit(store, reviewer=lambda: "ann")
    assert [choice.identity.judge for choice in audit.judges()] == ["http", "lexical"]
    row = audit.questions()[0].candidates[0]
    assert row.disagreement == 10.0
    assert row.dimensions[F].decided
