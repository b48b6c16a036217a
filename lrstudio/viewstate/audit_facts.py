"""What holds in the window now: the conditions under which its commands make sense."""

from __future__ import annotations

from enum import StrEnum

from lrstudio.domain.verdicts import Dimension, Support
from lrstudio.viewstate.audit import Choice, Screen


class Fact(StrEnum):
    """One condition. A command is enabled while all of its conditions hold."""

    PROJECT = "project"
    QUESTIONS = "questions"
    CANDIDATE = "candidate"
    DOCUMENT = "document"
    PART = "part"
    CLAIM = "claim"
    SCORE = "score"
    NONE_CHOSEN = "none_chosen"
    COMMIT = "commit"
    CALL = "call"
    JUDGING = "judging"
    NOT_JUDGING = "not_judging"
    UNDO = "undo"
    REDO = "redo"


def audit_facts(now: Screen | None, choice: Choice | None, *, has_document: bool) -> frozenset[Fact]:
    """Return what holds for the candidate on screen."""
    if now is None:
        return frozenset()
    facts = {Fact.CANDIDATE, Fact.COMMIT}
    if has_document:
        facts.add(Fact.DOCUMENT)
    if now.call_key:
        facts.add(Fact.CALL)
    if now.card is not None:
        facts.add(Fact.SCORE)
    if now.row is not None:
        facts.add(Fact.PART)
        if now.focus.dimension is Dimension.FAITHFULNESS:
            facts.add(Fact.CLAIM)
    elif now.card is None:
        facts.discard(Fact.COMMIT)
    if choice is not None and choice.support is Support.NONE:
        facts.add(Fact.NONE_CHOSEN)
    return frozenset(facts)
