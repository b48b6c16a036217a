from __future__ import annotations

import json
from functools import partial

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import Claim, Dimension, Judgment, Reason, State, Support, SupportReason, part_id
from lrstudio.judge.lexical import LexicalJudge
from lrstudio.judge.lexical_features import LexicalDocument
from lrstudio.judge.lexical_model import LexicalModel
from lrstudio.judge.protocol import Task
from lrstudio.text.resources import resource
from lrstudio.text.tokens import Tokenizer
from tests.doubles.call_log import MemoryCallLog

F, C = Dimension.FAITHFULNESS, Dimension.COMPLETENESS
FILLER = " ".join(f"Folio {n} of the minute book records the tolls of week {n} in a fair hand." for n in range(400))
FACTS = (
    "The ketch Albatross carried slate from Penmoor to Oslo. Nine gas lamps were lit along the east mole in 1888. "
    "The pilots refused the new tariff and stayed ashore for eleven days."
)
REPORT = f"{FILLER} {FACTS} {FILLER}"


def task(
    answer: str, document: str | None = REPORT, *, query: str = "What is known of the pilots and the lamps?"
) -> Task:
    held = None if document is None else Document("report", document)
    return Task(Candidate("c1", "q1", answer), Question("q1", "report", query), held)


def judged(work: Task, dimension: Dimension, judge: LexicalJudge | None = None) -> Judgment:
    log = MemoryCallLog()
    run = partial((judge or LexicalJudge.default()).judge, work, dimension, run_id="r1", calls=log)
    judgment = anyio.run(run)
    assert log.events == []
    return judgment


def only_claim(answer: str, document: str = REPORT) -> Claim:
    (claim,) = judged(task(answer, document), F).claims
    return claim


@pytest.mark.parametrize("dimension", [Dimension.HELPFULNESS, Dimension.LOGICALITY])
def test_what_words_cannot_tell_is_unscored(dimension: Dimension) -> None:
    judgment = judged(task("The pilots refused the tariff."), dimension)
    assert (judgment.state, judgment.reason) == (State.UNSCORED, Reason.NEEDS_LANGUAGE_MODEL)


@pytest.mark.parametrize("dimension", [F, C])
@pytest.mark.parametrize("document", [None, "", " \n"])
def test_without_a_text_there_is_nothing_to_check(dimension: Dimension, document: str | None) -> None:
    judgment = judged(task("The pilots refused the tariff.", document), dimension)
    assert (judgment.state, judgment.reason) == (State.UNSCORED, Reason.NO_DOCUMENT)
    assert (
        judged(Task(Candidate("c", "q", "x"), Question("q", None, "x"), None), dimension).reason is Reason.NO_DOCUMENT
    )


def test_a_sentence_copied_word_for_word_is_full() -> None:
    claim = only_claim("Nine gas lamps were lit along the east mole in 1888.")
    assert (claim.state, claim.support) == (State.SCORED, Support.FULL)
    assert claim.explanation == "The document has this word for word."
    assert claim.support_probability is not None
    assert claim.support_probability >= 0.9
    assert "Nine gas lamps" in claim.evidence[0].span.of(REPORT)


def test_a_changed_number_is_contradicted_and_both_numbers_are_named() -> None:
    claim = only_claim("Seven gas lamps were lit along the east mole in 1888.")
    assert (claim.support, claim.support_reason) == (Support.NONE, SupportReason.CONTRADICTED)
    assert claim.explanation == "Passage 1 has 'Nine' where the claim says 'Seven'."
    assert claim.support_probability is not None
    assert claim.support_probability <= 0.2


def test_foreign_words_are_not_found_and_are_named() -> None:
    claim = only_claim("Bishop Ferrand consecrated a marble chapel for shipwrecked Icelanders.")
    assert (claim.support, claim.support_reason) == (Support.NONE, SupportReason.NOT_FOUND)
    assert claim.explanation.startswith(
        "No passage has 'Bishop', 'Ferrand', 'consecrated', 'marble', 'chapel' or 2 more"
    )


def test_a_claim_that_nothing_stands_out_for_is_near_chance_with_its_probability() -> None:
    things = ["cooper", "barrel", "anvil", "kite", "plough", "widow", "cart"]
    scattered = " ".join(f"Of a {thing} the clerk says no more. {FILLER[:9_000]}" for thing in things)
    claim = only_claim("The cooper sold a barrel, an anvil, a kite, a plough and a cart to the widow.", scattered)
    assert (claim.state, claim.reason, claim.support) == (State.UNSCORED, Reason.NEAR_CHANCE, None)
    assert claim.support_probability is not None
    assert "too little to decide" in claim.explanation


def test_a_sentence_without_a_fact_is_not_checkable() -> None:
    judgment = judged(task("In my view the pilots were right."), F)
    assert (judgment.state, judgment.reason) == (State.NOT_CHECKABLE, Reason.NO_CLAIMS)
    (claim,) = judgment.claims
    assert (claim.state, claim.reason) == (State.NOT_CHECKABLE, Reason.OPINION)


def test_the_score_is_ten_times_the_mean_over_decided_claims() -> None:
    answer = (
        "In short:\n\n- Nine gas lamps were lit along the east mole in 1888.\n"
        "- The pilots refused the new tariff and stayed ashore for twelve days."
    )
    judgment = judged(task(answer), F)
    assert [claim.support for claim in judgment.claims] == [None, Support.FULL, Support.NONE]
    assert (judgment.state, judgment.score, judgment.aggregated) == (State.SCORED, 5.0, True)
    assert judgment.explanation == "3 sentences: 1 an opinion or a phrase without a fact, 1 full, 1 contradicted."
    assert judgment.coverage.chunks_read == judgment.coverage.chunks_total > 10


def test_spans_slice_and_ids_say_candidate_place_and_wording() -> None:
    answer = "Overall, the ketch Albatross carried slate. The pilots stayed ashore for eleven days."
    judgment = judged(task(answer), F)
    for claim in judgment.claims:
        assert claim.span is not None
        assert claim.text == claim.span.of(answer)
        assert claim.claim_id == part_id("c", "c1", claim.text, span=claim.span)
        assert [entry.rank for entry in claim.evidence] == list(range(1, len(claim.evidence) + 1))
        assert len(claim.evidence) <= 5
        for entry in claim.evidence:
            passage = entry.span.of(REPORT)
            assert passage == passage.strip() != ""


def test_key_points_are_those_of_the_question_whoever_answers() -> None:
    judge = LexicalJudge.default()
    good = judged(task("The pilots stayed ashore for eleven days and refused the tariff."), C, judge)
    none = judged(task("Slate is a grey stone."), C, judge)
    assert [point.text for point in good.key_points] == [point.text for point in none.key_points]
    assert "The pilots refused the new tariff and stayed ashore for eleven days." in [p.text for p in good.key_points]
    assert none.score == 0.0
    assert good.score is not None
    assert good.score > 0.0
    assert good.aggregated
    for point in good.key_points:
        assert point.span is not None
        assert point.chunk is not None
        assert point.span.of(REPORT) == point.text
        assert point.chunk.start <= point.span.start < point.chunk.end


def test_a_question_that_the_document_does_not_speak_of_has_no_key_points() -> None:
    judgment = judged(task("Nobody knows.", query="Which orchids bloom on Borneo?"), C)
    assert (judgment.state, judgment.reason, judgment.key_points) == (State.UNSCORED, Reason.NO_KEY_POINTS, ())


def test_a_question_about_the_whole_is_answered_by_its_central_sentences() -> None:
    judgment = judged(task("The minute book records the tolls.", query="Summarise the report."), C)
    assert judgment.state is State.SCORED
    assert len(judgment.key_points) >= 1


def test_two_judges_say_the_same_and_say_who_they_are() -> None:
    answer = "Nine gas lamps were lit in 1889. The pilots went to sea again. Bishop Ferrand came."
    first, second = LexicalJudge.default(), LexicalJudge.default()
    assert first.identity == second.identity
    assert first.identity.judge == "lexical"
    assert first.identity.model == f"lexical-{LexicalModel.shipped().digest}"
    assert first.identity.tokenizer == Tokenizer.shipped().name
    parameters = json.loads(first.identity.parameters)
    assert parameters["thresholds"] == LexicalModel.shipped().limits
    assert json.dumps(parameters, sort_keys=True) == first.identity.parameters
    for dimension in Dimension:
        assert judged(task(answer), dimension, first) == judged(task(answer), dimension, second)


class CountingTokenizer(Tokenizer):
    """Counts how often a whole document is tokenised."""

    documents = 0

    def offsets(self, text):
        self.documents += len(text) == len(REPORT)
        return super().offsets(text)


def test_a_document_is_made_ready_once_for_all_who_wait() -> None:
    tokenizer = CountingTokenizer.load(resource("tokenizer", "lrstudio-bpe.json"))
    assert isinstance(tokenizer, CountingTokenizer)
    judge = LexicalJudge(LexicalModel.shipped(), tokenizer, documents=1)

    async def everyone() -> None:
        async with anyio.create_task_group() as group:
            for dimension in (F, C) * 5:
                run = partial(
                    judge.judge, task("The pilots stayed ashore."), dimension, run_id="r", calls=MemoryCallLog()
                )
                group.start_soon(run)

    anyio.run(everyone)
    assert tokenizer.documents == 1
    judged(task("The pilots stayed ashore.", "Another text."), F, judge)
    judged(task("The pilots stayed ashore."), F, judge)
    assert tokenizer.documents == 2, "only the last document is kept"


def test_evidence_strength_decides_and_not_length() -> None:
    claim = "The ketch Albatross carried slate from Penmoor to Oslo in all weathers."
    short = only_claim(claim, FACTS)
    long = only_claim(claim, f"{FILLER * 20} {FACTS} {FILLER * 20}")
    assert (short.support, long.support) == (Support.FULL, Support.FULL)


texts = st.text(max_size=200) | st.text(alphabet="ab 1.\n\ud800é防:?-", max_size=200)


@settings(max_examples=60)
@given(texts, texts, texts)
def test_it_judges_any_text(document: str, answer: str, query: str) -> None:
    judge = LexicalJudge.default(Tokenizer.shipped())
    for dimension in Dimension:
        judgment = judged(task(answer, document, query=query), dimension, judge)
        for claim in judgment.claims:
            assert claim.span is not None
            assert claim.span.of(answer) == claim.text
            assert claim.support_probability is not None
            assert all(entry.span.of(document) for entry in claim.evidence)
        for point in judgment.key_points:
            assert point.span is not None
            assert point.span.of(document) == point.text
        assert len({claim.claim_id for claim in judgment.claims}) == len(judgment.claims)
        assert len({point.key_point_id for point in judgment.key_points}) == len(judgment.key_points)


def test_the_sample_shows_what_words_can_and_cannot_do() -> None:
    report = resource("samples", "harbour-report.md").read_text(encoding="utf-8")
    rows = resource("samples", "harbour-report.questions.jsonl").read_text(encoding="utf-8").splitlines()
    judge = LexicalJudge.default()
    said: dict[str, list[str]] = {}
    for row in map(json.loads, rows):
        for candidate in row["candidates"]:
            judgment = judged(task(candidate["text"], report, query=row["query"]), F, judge)
            for claim in judgment.claims:
                assert claim.span is not None
                entry = next(it for it in candidate["planted"] if it["start"] < claim.span.end <= it["end"])
                word = claim.support_reason or (claim.support.word if claim.support else claim.reason)
                said.setdefault(entry["kind"], []).append(str(word))
    assert set(said["full"]) == {"full"}
    assert set(said["contradicted"]) == {"contradicted"}
    assert said["paraphrase_full"] == ["not_found", "not_found"]
    assert set(said["not_found"]) == {"not_found", "near_chance"}
    assert "full" not in said["not_checkable"]
    assert said["not_checkable"].count("opinion") >= 5


def test_a_novel_of_one_line_is_made_ready() -> None:
    document = LexicalDocument("word" * 50_000, tokenizer=Tokenizer.shipped())
    assert max(len(sentence) for sentence in document.sentences) <= 600
