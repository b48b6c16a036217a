"""Reviewers on one project: differences are listed, and one verdict settles them."""

from __future__ import annotations

import pytest

from lrstudio.domain.decisions import Act, Shown
from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension, Support, SupportReason
from lrstudio.services.audit import Audit
from lrstudio.services.decisions import Decisions
from lrstudio.services.reviewers import Reviewers, Ruling
from lrstudio.store.store import Store
from tests.doubles.journals import TARGETS, fill

CLAIM, _, FAITH, HELP = TARGETS
SEEN = Shown(run_id="r")


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "p.lrs") as store:
        fill(store)
        yield store


def deciding(store, name):
    return Decisions(store, reviewer=lambda: name)


@pytest.fixture
def service(store):
    deciding(store, "ana").override(CLAIM, support=Support.NONE, shown=SEEN)
    deciding(store, "bo").override(CLAIM, support=Support.PARTIAL, shown=SEEN)
    return Reviewers(store, reviewer=lambda: "cy")


def score(store):
    return Audit(store, reviewer=lambda: "cy").candidate("c1").standings[Dimension.FAITHFULNESS].score.score


def test_taking_over_one_side_settles_it(store, service):
    (conflict,) = service.conflicts()
    changes = service.adjudicate(CLAIM, conflict.verdicts[0], reason=" he is right ", named=False)
    assert changes.decisions == {"c1"}
    entry = service.last
    assert (entry.reviewer, entry.adjudicates, entry.act, entry.reason) == ("cy", (1, 2), Act.OVERRIDE, "he is right")
    assert (entry.after, entry.before) == (conflict.verdicts[0].after, conflict.verdicts[1].after)
    assert (entry.shown.run_id, entry.shown.surface) == ("r", "adjudication without names")
    assert score(store) == 5.0
    assert service.conflicts() == ()
    assert len(service.conflicts(settled=True)) == 1
    deciding(store, "bo").override(CLAIM, support=Support.FULL, shown=SEEN)
    assert score(store) == 5.0
    assert len(service.conflicts()) == 1


def test_an_adjudication_is_undone_like_any_decision(store, service):
    service.adjudicate(CLAIM, Ruling(support=Support.FULL))
    assert score(store) == 10.0
    deciding(store, "cy").undo()
    assert score(store) == 7.5
    deciding(store, "cy").redo()
    assert score(store) == 10.0


def test_a_verdict_of_its_own_fits_the_target(store, service):
    service.adjudicate(CLAIM, Ruling(support=Support.NONE, support_reason=SupportReason.CONTRADICTED))
    assert service.last.after.support_reason is SupportReason.CONTRADICTED
    with pytest.raises(Refused, match="a score belongs to a dimension"):
        service.adjudicate(CLAIM, Ruling(score=5.0))
    deciding(store, "ana").set_score(HELP, 3)
    with pytest.raises(Refused, match="1 reviewer decided it"):
        service.adjudicate(HELP, Ruling(score=5.0))
    deciding(store, "bo").set_score(HELP, 3)
    with pytest.raises(Refused, match="they say the same"):
        service.conflict(HELP)
    deciding(store, "bo").set_score(HELP, 4)
    with pytest.raises(Refused, match="give one from 0 to 10"):
        service.adjudicate(HELP, Ruling(support=Support.FULL))
    with pytest.raises(Refused, match="not 11"):
        service.adjudicate(HELP, Ruling(score=11))
    service.adjudicate(HELP, Ruling(score=4))
    assert service.last.act is Act.CONFIRM
    with pytest.raises(Refused, match="no candidate 'x'"):
        service.conflict(type(HELP)("x", Dimension.HELPFULNESS))


def test_a_verdict_that_was_taken_back_cannot_be_taken_over(store, service):
    (conflict,) = service.conflicts()
    deciding(store, "ana").override(CLAIM, support=Support.FULL, shown=SEEN)
    with pytest.raises(Refused, match="not in force any more"):
        service.adjudicate(CLAIM, conflict.verdicts[0])
    assert len(store.journal.decisions()) == 3


def test_decisions_are_listed_by_reviewer(service):
    assert [it.reviewer for it in service.decisions("bo")] == ["bo"]
    assert len(service.decisions()) == 2
    assert [it.reviewer for it in service.reviewers()] == ["ana", "bo"]
    with pytest.raises(Refused, match="these decided: ana, bo"):
        service.decisions("dee")
