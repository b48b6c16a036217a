"""The plan beside the judge form: rows that add up, what is paid, what goes beyond the limit."""

from __future__ import annotations

import pytest

from lrstudio.domain.verdicts import Dimension
from lrstudio.judge.plan import Effort, Plan
from lrstudio.viewstate.judge_fields import FIELDS, field_named
from lrstudio.viewstate.judge_plan import no_plan, plan_view

AHEAD = {
    Dimension.HELPFULNESS: Effort(2, 0, 1_000, 200, 0.5),
    Dimension.FAITHFULNESS: Effort(8, 5, 12_000, 900, 1.5),
}
WHOLE = {
    Dimension.HELPFULNESS: Effort(4, 0, 2_000, 400, 1.0),
    Dimension.FAITHFULNESS: Effort(10, 5, 15_000, 1_100, 2.0),
}
PLAN = Plan(3, AHEAD, WHOLE, embedded=4, embedded_without_log=9, assumptions=("first attempts only",))


def test_a_plan_is_shown_by_dimension_with_its_sum() -> None:
    view = plan_view(PLAN, calls_model=True)
    assert view.head == "3 candidates, about 10 calls, ~$2.00."
    assert [row.name for row in view.ahead] == ["Helpfulness", "Faithfulness", "Total"]
    assert view.ahead[0].calls == "2"
    assert (view.ahead[-1].calls, view.ahead[-1].input_tokens, view.ahead[-1].cost) == ("~10", "~13,000", "~$2.00")
    assert view.whole[-1].calls == "~14"
    assert view.notes == ("4 of 9 texts are to be embedded", "first attempts only")


def test_what_the_log_has_is_paid_already() -> None:
    view = plan_view(PLAN, calls_model=True)
    assert view.paid.startswith("Already paid: 4 calls, $1.00.")
    assert plan_view(Plan(3, WHOLE, WHOLE), calls_model=True).paid == ""


def test_a_plan_above_the_spend_limit_says_so() -> None:
    assert "limit of $1.00" in plan_view(PLAN, calls_model=True, spend_limit=1.0).warning
    assert plan_view(PLAN, calls_model=True, spend_limit=2.0).warning == ""
    assert plan_view(PLAN, calls_model=True).warning == ""


def test_a_cost_that_is_not_known_is_no_number() -> None:
    free = {Dimension.LOGICALITY: Effort(3, 0, 10, 10, None)}
    view = plan_view(Plan(1, free, free), calls_model=True, spend_limit=1.0)
    assert "cost unknown" in view.head
    assert view.ahead[0].cost == "unknown"
    assert view.warning == ""


@pytest.mark.parametrize(
    ("plan", "calls_model", "said"),
    [
        (Plan(), False, "calls no model"),
        (Plan(), True, "Nothing is outstanding"),
        (Plan(2, {}, WHOLE), True, "nothing is to be paid"),
    ],
)
def test_a_plan_that_costs_nothing_says_why(plan: Plan, calls_model: bool, said: str) -> None:
    assert said in plan_view(plan, calls_model=calls_model).head


def test_a_refusal_leads_to_its_field() -> None:
    assert field_named("base URL") == "base_url"
    assert field_named("Model") == "model"
    assert field_named("serve") == "serve"
    assert field_named("embedding model") == "embedding_model"
    assert field_named("prices") == "spend_limit"
    assert field_named("/somewhere/settings.toml") == ""
    assert no_plan("x").problem == "x"
    assert all(words.meaning.endswith(".") for words in FIELDS.values())


def test_embeddings_are_a_row_and_part_of_the_sum() -> None:
    plan = Plan(3, AHEAD, WHOLE, 4, 9, embedding=Effort(0, 0, 500, 0, 0.25), embedding_without_log=Effort(0, 0, 900))
    view = plan_view(plan, calls_model=True)
    assert [row.name for row in view.ahead][-2:] == ["Embeddings", "Total"]
    assert view.ahead[-1].input_tokens == "~13,500"
    assert view.ahead[-1].cost == "~$2.25"
    assert view.whole[-2].cost == "unknown"
