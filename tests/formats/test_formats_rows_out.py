"""Decisions as flat rows: what the act concerns, and nothing else."""

from __future__ import annotations

import pytest

from lrstudio.domain.decisions import Act, Decision, Target, Value, Wording
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension, State, Support, SupportReason
from lrstudio.formats.rows_out import decision_row

CLAIM = Target("c", Dimension.FAITHFULNESS, "k1")
WHOLE = Target("c", Dimension.HELPFULNESS)
FULL = Value(State.SCORED, Support.FULL)
NONE = Value(State.SCORED, Support.NONE, SupportReason.CONTRADICTED)
WORDED = Value(wordings=(Wording("k1", "So.", Span(0, 3)),))
MARKED = Value(evidence=(Span(1, 2),))
VERDICT = {"state", "support", "support_reason"}


@pytest.mark.parametrize(
    ("act", "target", "before", "after", "fields"),
    [
        (Act.CONFIRM, CLAIM, FULL, FULL, VERDICT),
        (Act.OVERRIDE, CLAIM, Value(), NONE, VERDICT),
        (Act.OVERRIDE, WHOLE, Value(), Value(State.SCORED, score=7.0), {"state", "score"}),
        (Act.ADD, CLAIM, Value(), WORDED, {"wordings"}),
        (Act.UNDO, CLAIM, WORDED, Value(), {"wordings"}),
        (Act.MARK_EVIDENCE, CLAIM, MARKED, Value(), {"evidence"}),
        (Act.REDO, CLAIM, Value(), MARKED, {"evidence"}),
        (Act.UNDO, CLAIM, NONE, FULL, VERDICT),
    ],
)
def test_before_and_after_hold_what_the_act_concerns(
    act: Act, target: Target, before: Value, after: Value, fields: set[str]
) -> None:
    row = decision_row(Decision(1, "ann", "2026-01-01T00:00:00Z", act, target, before, after))
    assert set(row["before"]) == set(row["after"]) == fields


def test_the_values_are_those_of_the_decision() -> None:
    row = decision_row(Decision(1, "ann", "2026-01-01T00:00:00Z", Act.OVERRIDE, CLAIM, FULL, NONE))
    assert row["before"] == {"state": "scored", "support": 1.0, "support_reason": ""}
    assert row["after"] == {"state": "scored", "support": 0.0, "support_reason": "contradicted"}
    row = decision_row(Decision(2, "ann", "2026-01-01T00:00:00Z", Act.ADD, CLAIM, Value(), WORDED))
    assert row["before"] == {"wordings": []}
    assert row["after"] == {"wordings": [{"claim_id": "k1", "text": "So.", "start": 0, "end": 3}]}
