from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path

import anyio
import pytest

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import Dimension, Judgment, Reason, State, Support, SupportReason
from lrstudio.judge.protocol import ParseState, Task
from lrstudio.judge.scripted import Script, ScriptedJudge
from lrstudio.text.resources import resource
from tests.doubles.call_log import MemoryCallLog

F, C, H = Dimension.FAITHFULNESS, Dimension.COMPLETENESS, Dimension.HELPFULNESS
DOCUMENT = "Nine lamps were lit along the mole. The pilots stayed ashore for eleven days. Slate came from Penmoor."
ANSWER = "Seven lamps were lit. The pilots stayed ashore. Slate came by rail. I liked it. Seven lamps were lit."

SCRIPT = {
    "name": "test-script",
    "scores": {"c1": {"helpfulness": 7.5, "logicality": {"unscored": "refused", "explanation": "It would not say."}}},
    "claims": {
        "c1": [
            {
                "text": "Seven lamps were lit.",
                "support": "contradicted",
                "evidence": ["Nine lamps were lit along the mole."],
                "explanation": "Nine, not seven.",
                "probability": 0.05,
            },
            {"text": "The pilots stayed ashore.", "support": "full", "evidence": ["pilots", "eleven days"]},
            {"text": "Slate came by rail.", "support": "partial"},
            {"text": "I liked it.", "support": "not_checkable"},
            {"text": "Seven lamps were lit.", "support": "unscored:unreadable"},
            {"text": "It rained.", "support": "not_found"},
        ]
    },
    "key_points": {
        "q1": [
            {"text": "Nine lamps.", "quote": "Nine lamps were lit", "covered": {"c1": 0.5}},
            {"text": "Eleven days.", "quote": "eleven days", "covered": {"c1": 1, "c2": 0}},
            {"text": "Of somebody else.", "covered": {"c2": 0}},
        ]
    },
}


def saved(folder: Path, given: object) -> Path:
    path = folder / "some.script.json"
    path.write_text(json.dumps(given), encoding="utf-8")
    return path


def task(answer: str = ANSWER, *, candidate: str = "c1", document: str | None = DOCUMENT) -> Task:
    return Task(Candidate(candidate, "q1", answer), Question("q1", "d", "What happened?"), Document("d", document))


def judged(judge: ScriptedJudge, work: Task, dimension: Dimension, log: MemoryCallLog | None = None) -> Judgment:
    return anyio.run(partial(judge.judge, work, dimension, run_id="r1", calls=log or MemoryCallLog()))


@pytest.fixture
def judge(tmp_path: Path) -> ScriptedJudge:
    return ScriptedJudge(Script.load(saved(tmp_path, SCRIPT)))


def test_scores_are_those_of_the_script(judge: ScriptedJudge) -> None:
    helpful, logical = judged(judge, task(), H), judged(judge, task(), Dimension.LOGICALITY)
    assert (helpful.state, helpful.score) == (State.SCORED, 7.5)
    assert (logical.state, logical.reason, logical.explanation) == (State.UNSCORED, Reason.REFUSED, "It would not say.")


def test_claims_are_found_in_the_answer_and_evidence_in_the_document(judge: ScriptedJudge) -> None:
    judgment = judged(judge, task(), F)
    assert [(claim.state, claim.support, claim.support_reason) for claim in judgment.claims] == [
        (State.SCORED, Support.NONE, SupportReason.CONTRADICTED),
        (State.SCORED, Support.FULL, SupportReason.UNSTATED),
        (State.SCORED, Support.PARTIAL, SupportReason.UNSTATED),
        (State.NOT_CHECKABLE, None, SupportReason.UNSTATED),
        (State.UNSCORED, None, SupportReason.UNSTATED),
        (State.SCORED, Support.NONE, SupportReason.NOT_FOUND),
    ]
    assert [claim.span and claim.span.of(ANSWER) for claim in judgment.claims] == [
        *(entry["text"] for entry in SCRIPT["claims"]["c1"][:5]),
        None,
    ]
    first, second, repeated = judgment.claims[0], judgment.claims[1], judgment.claims[4]
    assert (first.support_probability, first.explanation) == (0.05, "Nine, not seven.")
    assert [entry.span.of(DOCUMENT) for entry in second.evidence] == ["pilots", "eleven days"]
    assert first.span != repeated.span
    assert repeated.reason is Reason.UNREADABLE
    assert (judgment.aggregated, judgment.score) == (True, pytest.approx(10 * (0 + 1 + 0.5 + 0) / 4))


def test_a_stated_score_is_no_mean_of_the_claims(tmp_path: Path) -> None:
    given = json.loads(json.dumps(SCRIPT))
    given["scores"]["c1"] |= {"faithfulness": 2, "completeness": {"unscored": "truncated"}}
    judge = ScriptedJudge(Script.load(saved(tmp_path, given)))
    faithful, complete = judged(judge, task(), F), judged(judge, task(), C)
    assert (faithful.score, faithful.aggregated, len(faithful.claims)) == (2.0, False, 6)
    assert (complete.state, complete.reason, complete.aggregated) == (State.UNSCORED, Reason.TRUNCATED, False)


def test_key_points_belong_to_the_question_and_their_cover_to_the_candidate(judge: ScriptedJudge) -> None:
    judgment = judged(judge, task(), C)
    assert [(point.text, point.covered, point.state) for point in judgment.key_points] == [
        ("Nine lamps.", Support.PARTIAL, State.SCORED),
        ("Eleven days.", Support.FULL, State.SCORED),
        ("Of somebody else.", None, State.NOT_CHECKED),
    ]
    assert judgment.key_points[0].span is not None
    assert judgment.key_points[0].span.of(DOCUMENT) == "Nine lamps were lit"
    assert judgment.score == pytest.approx(7.5)


def test_a_quote_that_the_document_lacks_is_refused_by_name(judge: ScriptedJudge) -> None:
    with pytest.raises(Refused, match=r"c1: the script quotes what the document does not have: 'Nine lamps"):
        judged(judge, task(document="Another text."), F)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda it: it.pop("name"), "name"),
        (lambda it: it.update(score={}), "score"),
        (lambda it: it["scores"]["c1"].update(helpfulness=11), "scores.c1.helpfulness.score"),
        (lambda it: it["scores"]["c1"].update(charm=1), "scores.c1.charm"),
        (lambda it: it["scores"]["c1"].update(helpfulness={"unscored": "dunno"}), "scores.c1.helpfulness.unscored"),
        (lambda it: it["scores"]["c1"].update(helpfulness={"explanation": "?"}), "scores.c1.helpfulness"),
        (lambda it: it["claims"]["c1"][2].update(support="mostly"), "claims.c1.2.support"),
        (lambda it: it["claims"]["c1"][2].update(support="unscored:"), "claims.c1.2.support"),
        (lambda it: it["claims"]["c1"][2].update(support=["full"]), "claims.c1.2.support"),
        (lambda it: it["claims"]["c1"][0].pop("text"), "claims.c1.0.text"),
        (lambda it: it["claims"]["c1"][0].update(probability=2), "claims.c1.0.probability"),
        (lambda it: it["key_points"]["q1"][1]["covered"].update(c1=0.7), "key_points.q1.1.covered.c1"),
        (lambda it: it["key_points"]["q1"][1]["covered"].update(c1=True), "key_points.q1.1.covered.c1"),
    ],
)
def test_a_malformed_script_is_refused_and_the_field_named(tmp_path: Path, change, field: str) -> None:
    given = json.loads(json.dumps(SCRIPT))
    change(given)
    with pytest.raises(Refused) as refused:
        Script.load(saved(tmp_path, given))
    assert str(refused.value).startswith(f"some.script.json: field {field}: ")


def test_what_is_no_script_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        Script.load(tmp_path / "missing.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    with pytest.raises(Refused, match=r"broken\.json: this is not JSON"):
        Script.load(broken)
    broken.write_bytes(b"\xff\xfe{")
    with pytest.raises(Refused, match="cannot be read"):
        Script.load(broken)
    with pytest.raises(Refused, match="field the whole: "):
        Script.load(saved(tmp_path, []))


def test_the_rule_gives_every_candidate_every_dimension_and_every_verdict() -> None:
    judge = ScriptedJudge(Script.by_rule())
    seen: Counter[tuple[str, str]] = Counter()
    for number in range(30):
        answer = " ".join(f"Sentence {i} of answer {number} says what it says." for i in range(6))
        for dimension in Dimension:
            judgment = judged(judge, task(answer, candidate=f"c{number}", document=DOCUMENT * 50), dimension)
            assert judgment == judged(judge, task(answer, candidate=f"c{number}", document=DOCUMENT * 50), dimension)
            if dimension in (H, Dimension.LOGICALITY):
                assert judgment.state is State.SCORED
            for claim in judgment.claims:
                assert claim.span is not None
                assert claim.span.of(answer) == claim.text
                assert claim.evidence
                support = str(claim.support_reason) or (claim.support.word if claim.support else "")
                seen[claim.state.value, support or claim.reason.value] += 1
            for point in judgment.key_points:
                assert point.span is not None
                assert point.span.of(DOCUMENT * 50) == point.text
    assert set(seen) == {
        ("scored", "full"),
        ("scored", "partial"),
        ("scored", "contradicted"),
        ("scored", "not_found"),
        ("not_checkable", "opinion"),
        ("unscored", "near_chance"),
        ("unscored", "unreadable"),
    }


def test_the_rule_copes_with_empty_texts() -> None:
    judge = ScriptedJudge(Script.by_rule())
    assert judged(judge, task(document=None), F).reason is Reason.NO_DOCUMENT
    assert judged(judge, task(document=" "), C).reason is Reason.NO_DOCUMENT
    assert judged(judge, task(""), F).reason is Reason.NO_CLAIMS
    assert judged(judge, task("", document="a"), C).state is State.SCORED
    assert (
        judged(judge, task("A lone surrogate \ud800 says this."), F).claims[0].text
        == "A lone surrogate \ud800 says this."
    )


def test_a_call_is_written_down_before_and_after_and_never_made_twice(judge: ScriptedJudge) -> None:
    log = MemoryCallLog()
    first = judged(judge, task(), F, log)
    ((began, key), ended) = log.events
    assert (began, ended) == ("begin", ("end", key))
    call = log.calls[key]
    assert (call.purpose, call.candidate_id, call.model) == ("faithfulness", "c1", "test-script")
    assert log.replies[key].parse_state is ParseState.PARSED
    assert first.call_key == key == first.claims[0].call_key
    assert judged(judge, task(), F, log) == first
    assert len(log.events) == 2
    judged(judge, task(), C, log)
    judged(judge, task("Another answer."), F, log)
    assert len({name for _, name in log.events}) == 3


def test_a_cancelled_call_has_begun_and_not_ended(tmp_path: Path) -> None:
    judge = ScriptedJudge(Script.load(saved(tmp_path, SCRIPT)), delay=30.0)
    log = MemoryCallLog()

    async def cancelled() -> None:
        with anyio.move_on_after(0.05):
            await judge.judge(task(), F, run_id="r1", calls=log)

    anyio.run(cancelled)
    assert [what for what, _ in log.events] == ["begin"]


def test_the_identity_is_the_script(tmp_path: Path, judge: ScriptedJudge) -> None:
    given = json.loads(json.dumps(SCRIPT))
    given["claims"]["c1"][0]["support"] = "full"
    other = ScriptedJudge(Script.load(saved(tmp_path, given)))
    assert (judge.identity.judge, judge.identity.model) == ("scripted", "test-script")
    assert judge.identity != other.identity
    assert judge.identity == ScriptedJudge(Script.load(saved(tmp_path, SCRIPT))).identity


def test_the_sample_judge_speaks_of_every_sentence_and_errs_in_a_few_places() -> None:
    script = Script.load(resource("samples", "harbour-report.script.json"))
    report = Document("harbour-report", resource("samples", "harbour-report.md").read_text(encoding="utf-8"))
    judge = ScriptedJudge(script)
    rows = resource("samples", "harbour-report.questions.jsonl").read_text(encoding="utf-8").splitlines()
    wrong, sentences = [], 0
    for number, row in enumerate(map(json.loads, rows), start=1):
        question = Question(f"harbour-report#{number}", "harbour-report", row["query"])
        for candidate in row["candidates"]:
            work = Task(Candidate(candidate["id"], question.question_id, candidate["text"]), question, report)
            judgments = {dimension: judged(judge, work, dimension) for dimension in Dimension}
            assert all(judgment.state is State.SCORED for judgment in judgments.values())
            assert all(judgments[dimension].explanation for dimension in (H, Dimension.LOGICALITY))
            assert all(point.covered is not None and point.span for point in judgments[C].key_points)
            claims = judgments[F].claims
            assert [(claim.span and claim.span.start) for claim in claims] == [
                it["start"] for it in candidate["planted"]
            ]
            for claim, entry in zip(claims, candidate["planted"], strict=True):
                said = str(claim.support_reason) or (claim.support.word if claim.support else claim.state.value)
                sentences += 1
                if said != entry["kind"].replace("paraphrase_", ""):
                    wrong.append((candidate["id"], said))
    assert sentences == 111
    assert wrong == [("q1-b", "full"), ("q2-d", "full"), ("q3-b", "not_found"), ("q3-c", "partial")]
