"""What holds in the Audit workspace now."""

from __future__ import annotations

from lrstudio.domain.verdicts import Dimension, Support
from lrstudio.viewstate.audit import Choice, Screen
from lrstudio.viewstate.facts import Fact


def audit_facts(now: Screen | None, choice: Choice | None) -> frozenset[Fact]:
    """Return what holds for the candidate on screen."""
    if now is None:
        return frozenset()
    facts = {Fact.CANDIDATE, Fact.COMMIT}
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
