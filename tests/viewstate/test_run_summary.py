"""What a judge run came to: every reason counted apart, each count with its candidates."""

from __future__ import annotations

from lrstudio.domain.overviews import JudgmentFacts, RunReport
from lrstudio.domain.verdicts import Coverage, Dimension, JudgeIdentity, JudgeRun, Reason, RunState, State
from lrstudio.viewstate.audit_list import ALL, ListView, arrange, keeps
from lrstudio.viewstate.run_summary import run_summary, spread
from tests.doubles.records import make_questions

FAITH, HELP = Dimension.FAITHFULNESS, Dimension.HELPFULNESS
RUN = JudgeRun(
    "r1", JudgeIdentity("http", "glm-4", "abcdef0123456789"), (HELP, FAITH), RunState.DONE, "2026-11-20T09:14:02Z"
)


def facts(
    name: str,
    dimension: Dimension,
    reason: Reason = Reason.NONE,
    *,
    state: State = State.UNSCORED,
    coverage: Coverage | None = None,
    samples: tuple[float, ...] = (),
) -> JudgmentFacts:
    scored = reason is Reason.NONE
    state = State.SCORED if scored else state
    return JudgmentFacts("r1", name, dimension, state, reason, 5.0 if scored else None, coverage or Coverage(), samples)


REPORT = RunReport(
    RUN,
    (
        facts("a", FAITH, coverage=Coverage(3, 3, 0, 4)),
        facts("b", FAITH, Reason.REFUSED),
        facts("c", FAITH, Reason.REFUSED),
        facts("d", FAITH, Reason.TRUNCATED, coverage=Coverage(2, 3, 120, 5)),
        facts("e", FAITH, Reason.NO_CLAIMS, state=State.NOT_CHECKABLE),
        facts("a", HELP, samples=(4.0, 7.0)),
        facts("b", HELP, samples=(4.0, 5.5)),
    ),
)


def test_every_reason_is_counted_apart_with_its_candidates() -> None:
    summary = run_summary(REPORT)
    assert [group.title for group in summary.groups] == ["Helpfulness", "Faithfulness", "What they rest on"]
    lines = {line.words: line for line in summary.groups[1].lines}
    assert list(lines) == [
        "scored",
        "unscored: the model refused",
        "unscored: reply cut off",
        "not checkable: no claims to check",
    ]
    assert lines["unscored: the model refused"].count == 2
    assert lines["unscored: the model refused"].keep.candidate_ids == {"b", "c"}
    assert [line.good for line in summary.groups[1].lines] == [True, False, False, False]


def test_what_does_not_rest_on_everything_is_counted() -> None:
    basis = {line.words: line.keep.candidate_ids for line in run_summary(REPORT).groups[2].lines}
    assert basis == {
        "not every chunk read": {"d"},
        "tokens cut away": {"d"},
        "samples 2 points or more apart": {"a"},
    }
    assert spread(()) == 0.0


def test_calls_and_cost_are_told_where_a_model_was_called() -> None:
    assert [name for name, _ in run_summary(REPORT).facts] == ["judged", "prompt pack"]
    paid = RunReport(
        JudgeRun("r1", RUN.identity, RUN.dimensions, RunState.DONE, RUN.started, "", 7, 1_000, 50, 0.25),
        REPORT.judgments,
    )
    told = dict(run_summary(paid).facts)
    assert told["judged"] == "5 candidates, 7 judgments"
    assert (told["calls"], told["tokens"], told["cost"]) == ("7", "1,000 in, 50 out", "$0.25")


def test_the_filter_of_a_count_keeps_just_its_candidates_and_stays_among_the_choices() -> None:
    line = next(it for it in run_summary(REPORT).groups[1].lines if "refused" in it.words)
    questions = make_questions()
    shown = arrange(questions, ListView(keep=line.keep))
    assert [row.candidate_id for group in shown.groups for row in group.rows] == ["b", "c"]
    assert shown.keeps[-1] == line.keep
    assert all(it.kind != "these" for it in arrange(questions, ListView(keep=ALL)).keeps)
    assert not keeps(questions[0].candidates[0], line.keep)
