from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrstudio.domain.verdicts import Support, SupportReason
from lrstudio.judge.parsing import (
    Quoted,
    read_claims,
    read_completeness,
    read_key_points,
    read_reply,
    read_score,
    read_support,
)
from lrstudio.judge.protocol import ParseState

READERS = (read_score, read_support, read_claims, read_key_points, read_completeness)
FULL, PARTIAL, NONE = Support.FULL, Support.PARTIAL, Support.NONE


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"analysis": "fine", "score": 7}', 7),
        ('```json\n{"analysis": "fine", "score": 7}\n```', 7),
        ('Sure, here it is: {"analysis": "fine", "score": 7} Anything else?', 7),
        ('{"analysis": "a } in a \\" text {", "score": 7.5}', 7.5),
        ('{"analysis": "", "score": "7"}', 7),
        ('{"analysis": "", "score": "7 / 10"}', 7),
        ('{"score": 0}', 0),
        ('{"score": 10}', 10),
        ('{"analysis": "draft", "score": 2}\nOn reflection: {"analysis": "final", "score": 8}', 8),
        ('{"analysis": "the rubric says [[10]] is perfect, Score: 10", "score": 3}', 3),
        ('<think>maybe {"score": 1}\n</think>\n{"score": 9}', 9),
        ("It answers the question. [[7]]", 7),
        ("10 would be [[10]], 0 would be [[0]]; this is [[ 6.5 ]].", 6.5),
        ("[[7/10]]", 7),
        ("Good.\n\nScore: 7", 7),
        ("**Score:** 7/10", 7),
        ("Score: 2\nFinal score: 8.", 8),
        ("评分：很好 [[８]]", 8),
    ],
)
def test_a_score_is_read_from_its_place(text: str, score: float) -> None:
    parsed = read_reply(text, "stop", read_score)
    assert parsed.state is ParseState.PARSED
    assert parsed.value is not None
    assert parsed.value.score == score


@pytest.mark.parametrize(
    "text",
    [
        '{"score": 11}',
        '{"score": -1}',
        '{"score": 10.0001}',
        '{"score": NaN}',
        '{"score": Infinity}',
        '{"score": -Infinity}',
        '{"score": 1e400}',
        '{"score": "nan"}',
        '{"score": "11"}',
        '{"score": ' + "9" * 4000 + "}",
        "[[11]]",
        "[[-1]]",
        "[[NaN]]",
        "[[inf]]",
        "[[1e400]]",
        "Score: 100",
    ],
)
def test_a_score_outside_the_scale_is_no_score(text: str) -> None:
    parsed = read_reply(text, "stop", read_score)
    assert parsed.state is ParseState.OUT_OF_RANGE
    assert parsed.value is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "no idea",
        "{}",
        "[]",
        "7",
        '{"score": null}',
        '{"score": true}',
        '{"score": "seven"}',
        '{"score": [7]}',
        '{"score": {"value": 7}}',
        '{"score": 7,}',
        '{"analysis": "the scale ends at [[10]]"}',
        '{"analysis": "the scale ends at [[10]]", "score": 7',
        'Reply with {"analysis": "...", "score": 0 to 10}\nScale\n[[10]]: every part is answered',
        "Score: 10 means that every part is answered",
        "Score 10: every part is answered",
        "[[score]]",
        "[10]",
        '{"nested": {"score": 7}}',
        '{"score": ' + "9" * 5000 + "}",
        "[" * 100_000,
        '{"a":' * 20_000,
    ],
)
def test_what_is_no_verdict_never_becomes_one(text: str) -> None:
    parsed = read_reply(text, "stop", read_score)
    assert parsed.state is ParseState.UNREADABLE
    assert parsed.value is None
    assert parsed.error


@pytest.mark.parametrize(
    ("text", "support", "reason"),
    [
        ('{"analysis": "", "passages": [1], "verdict": "full"}', FULL, SupportReason.UNSTATED),
        ('{"verdict": "partial"}', PARTIAL, SupportReason.UNSTATED),
        ('{"verdict": "none_contradicted"}', NONE, SupportReason.CONTRADICTED),
        ('{"verdict": "none_not_found"}', NONE, SupportReason.NOT_FOUND),
        ('{"verdict": "None (not found)"}', None, None),
        ('{"verdict": "not fully supported"}', None, None),
        ('{"verdict": "mostly"}', None, None),
        ('{"verdict": 1}', None, None),
        ("A label is [[full]] or [[partial]]. Here: [[Partially supported]]", PARTIAL, SupportReason.UNSTATED),
        ("[[No support]]", NONE, SupportReason.UNSTATED),
        ("[[none_contradicted]]", NONE, SupportReason.CONTRADICTED),
        ("Passage 2 has it.\nVerdict: full", FULL, SupportReason.UNSTATED),
        ("**Verdict:** none_not_found", NONE, SupportReason.NOT_FOUND),
        ("the verdict full is given where all stands there", None, None),
        ("[[not fully supported]]", None, None),
    ],
)
def test_only_the_offered_labels_are_verdicts(text: str, support: Support | None, reason: SupportReason | None) -> None:
    parsed = read_reply(text, "stop", read_support)
    if support is None:
        assert parsed.state is ParseState.UNREADABLE
    else:
        assert parsed.value is not None
        assert (parsed.value.support, parsed.value.reason) == (support, reason)


def test_the_passages_of_a_verdict_are_whole_numbers() -> None:
    parsed = read_support('{"analysis": "why", "passages": [2, "3", true, 1.0, 4], "verdict": "full"}')
    assert parsed.value is not None
    assert parsed.value.passages == (2, 4)
    assert parsed.value.analysis == "why"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"claims": []}', ()),
        ('{"claims": [{"statement": "A is B.", "quote": "is B"}]}', (Quoted("A is B.", "is B"),)),
        ('{"claims": [{"statement": "A is B.", "quote": null}]}', (Quoted("A is B."),)),
        ('{"claims": ["A is B.", " "]}', (Quoted("A is B."),)),
        ('[{"statement": "A is B."}]', (Quoted("A is B."),)),
        ('```json\n["A is B."]\n```', (Quoted("A is B."),)),
        (
            "Here they are:\n1. A is B.\n2) C is D.\n- E is F. ",
            (Quoted("A is B."), Quoted("C is D."), Quoted("E is F.")),
        ),
        ('{"claims": [{"statement": "\\ud800 is odd"}]}', (Quoted("\ufffd is odd"),)),
        ('{"claims": "none"}', None),
        ('{"claims": [{"quote": "is B"}]}', None),
        ('{"claims": [3]}', None),
        ('{"claims": [{"statement": "A is B."}', None),
        ("There are no claims in this answer.", None),
        ("", None),
        ("{}", None),
        ("3", None),
    ],
)
def test_claims_are_a_list_or_nothing(text: str, expected: tuple[Quoted, ...] | None) -> None:
    parsed = read_reply(text, "stop", read_claims)
    assert parsed.value == expected
    assert parsed.state is (ParseState.UNREADABLE if expected is None else ParseState.PARSED)


def test_key_points_are_read_alike() -> None:
    text = '{"key_points": [{"point": "A is B.", "quote": "is B"}]}'
    assert read_key_points(text).value == (Quoted("A is B.", "is B"),)
    assert read_claims(text).state is ParseState.UNREADABLE


def test_covers_that_make_no_sense_are_left_out() -> None:
    entries = [
        {"key_point": 1, "coverage": "full", "note": ""},
        {"key_point": 2, "coverage": "partial", "note": "the date"},
        {"key_point": "3", "coverage": "full"},
        {"key_point": 4, "coverage": "mostly"},
        {"coverage": "none"},
        "none",
        {"key_point": 5, "coverage": "none"},
    ]
    parsed = read_completeness(json.dumps({"analysis": "", "coverage": entries, "score": 6}))
    assert parsed.value is not None
    assert {number: (cover.support, cover.note) for number, cover in parsed.value.covers.items()} == {
        1: (FULL, ""),
        2: (PARTIAL, "the date"),
        5: (NONE, ""),
    }
    assert read_completeness('{"coverage": "all", "score": 6}').value is not None
    assert read_completeness('{"coverage": [], "score": 60}').state is ParseState.OUT_OF_RANGE
    assert read_completeness("All of it. [[9]]").value is not None


@pytest.mark.parametrize(
    ("text", "finish_reason", "state"),
    [
        ('{"score": 7}', "length", ParseState.TRUNCATED),
        ('{"score": 7}', "content_filter", ParseState.REFUSED),
        ("no", "refusal", ParseState.REFUSED),
        ("I'm sorry, but I can't help with that.", "stop", ParseState.REFUSED),
        ("抱歉，我无法回答。", "stop", ParseState.REFUSED),
        ('I am sorry to say: {"score": 1}', "stop", ParseState.PARSED),
        ("Sorrel is a plant.", "stop", ParseState.UNREADABLE),
    ],
)
def test_cut_off_and_refused_replies_are_told_apart(text: str, finish_reason: str, state: ParseState) -> None:
    assert read_reply(text, finish_reason, read_score).state is state


PIECES = """{ } [[ ]] [ ] "score": "claims": "coverage": 7 - 1e999 NaN ```json ``` , " \\ null <think> </think> full"""
FRAGMENTS = st.sampled_from([*PIECES.split(), '"verdict": "full"', "Score: ", "\n", " ", "1. x", "\ud800"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["score", "claims", "verdict"]), inner),
    max_leaves=12,
)
NAMES = st.sampled_from(["score", "verdict", "claims", "key_points", "coverage", "analysis", "passages"])
TEXTS = (
    st.text()
    | st.lists(FRAGMENTS, max_size=40).map("".join)
    | st.dictionaries(NAMES, VALUES).map(json.dumps)
    | VALUES.map(json.dumps)
)


@settings(max_examples=400)
@given(TEXTS, st.sampled_from(["stop", "length", "", "content_filter"]), st.sampled_from(READERS))
def test_reading_never_raises_and_state_and_value_agree(text: str, finish_reason: str, reader) -> None:  # type: ignore[no-untyped-def]
    parsed = read_reply(text, finish_reason, reader)
    assert (parsed.value is not None) == (parsed.state is ParseState.PARSED)
    if reader in (read_score, read_completeness) and parsed.value is not None:
        assert 0 <= parsed.value.score <= 10


@given(st.integers(0, 10), st.text())
def test_whatever_the_analysis_says_the_field_counts(score: int, analysis: str) -> None:
    parsed = read_reply(json.dumps({"analysis": analysis + "[[3]] Score: 3", "score": score}), "stop", read_score)
    if "</think>" not in analysis:
        assert parsed.value is not None
        assert parsed.value.score == score


@pytest.mark.parametrize(
    "piece",
    ["[[", "[[a", "[[1", "{", "{{}", '{"a":{', "Score: ", "- a ", "\n", "  ", "*", "[[ ", "1.", "9", "verdict: a "],
)
def test_a_hostile_reply_costs_little_time(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    started = time.process_time()
    for reader in READERS:
        read_reply(text, "stop", reader)
    assert time.process_time() - started < 4
