"""The log of calls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lrstudio.store.records import CallRow, CallState, CallTotals

ROW = CallRow(
    key="k1",
    purpose="claims",
    run_id="r1",
    candidate_id="c1",
    document_hash="h",
    model="llama",
    prompt_pack="pack-1",
    request='{"messages": ["long \ud800"]}' * 100,
    created="2026-01-01T00:00:00+00:00",
)
REPLY = {
    "state": CallState.DONE,
    "reply": "1. A claim",
    "finish_reason": "stop",
    "parse_state": "parsed",
    "input_tokens": 10,
    "output_tokens": 4,
    "cost": 0.5,
    "seconds": 1.5,
    "finished": "2026-01-01T00:00:02+00:00",
}
UNREADABLE = REPLY | {"parse_state": "unreadable", "reply": "???"}
FAILED = REPLY | {
    "state": CallState.FAILED,
    "parse_state": "failed",
    "reply": "",
    "input_tokens": None,
    "output_tokens": None,
    "cost": None,
    "error": "connection lost",
}


def test_a_call_is_there_before_its_reply(store):
    store.calls.begin(ROW)
    assert store.calls.get("k1") == replace(ROW, attempts=1)
    assert store.calls.finished("k1") is None
    assert store.calls.get("unknown") is None


def test_a_call_with_its_reply_comes_back_whole(store):
    store.calls.begin(ROW)
    store.calls.end("k1", **REPLY)
    expected = replace(ROW, attempts=1, **REPLY)
    assert store.calls.get("k1") == expected
    assert store.calls.finished("k1") == expected


def test_a_failed_call_is_kept_and_not_finished(store):
    store.calls.begin(ROW)
    store.calls.end("k1", **FAILED)
    assert store.calls.get("k1") == replace(ROW, attempts=1, **FAILED)
    assert store.calls.finished("k1") is None


def test_an_unreadable_reply_was_paid_for_and_is_finished(store):
    store.calls.begin(ROW)
    store.calls.end("k1", **UNREADABLE)
    assert store.calls.finished("k1") == replace(ROW, attempts=1, **UNREADABLE)


def test_what_was_sent_last_is_what_is_kept(store):
    store.calls.begin(ROW)
    store.calls.begin(replace(ROW, request="{}"))
    assert store.calls.get("k1").request == "{}"


def test_a_call_begun_again_counts_and_loses_nothing(store, sql):
    store.calls.begin(ROW)
    store.calls.begin(ROW)  # a crash came between
    store.calls.end("k1", **UNREADABLE)
    store.calls.begin(replace(ROW, run_id="r2", created="later"))
    waiting = store.calls.get("k1")
    assert (waiting.state, waiting.attempts, waiting.reply) == (CallState.PLANNED, 3, "???")
    store.calls.end("k1", **REPLY)
    assert store.calls.finished("k1") == replace(ROW, run_id="r2", attempts=3, **REPLY)
    assert sql(store.path, "SELECT run_id, reply FROM call_reply ORDER BY id") == [("r1", "???"), ("r2", "1. A claim")]


def test_totals_count_every_reply_of_the_run(store):
    assert store.calls.totals("r1") == CallTotals(0, 0, 0, None)
    for key in ("k1", "k2"):
        store.calls.begin(replace(ROW, key=key))
    store.calls.begin(replace(ROW, key="other", run_id="r2"))
    store.calls.end("k1", **UNREADABLE)
    store.calls.begin(ROW)
    store.calls.end("k1", **REPLY)
    store.calls.end("k2", **FAILED)
    store.calls.end("other", **REPLY)
    assert store.calls.totals("r1") == CallTotals(3, 20, 8, 1.0)


def test_calls_of_a_candidate_come_in_the_order_they_were_begun(store):
    for key, created, candidate_id in [("z", "1", "c1"), ("a", "2", "c1"), ("b", "1", "c2")]:
        store.calls.begin(replace(ROW, key=key, created=created, candidate_id=candidate_id))
    assert [it.key for it in store.calls.for_candidate("c1")] == ["z", "a"]
    assert store.calls.for_candidate("unknown") == ()


def test_a_reply_to_nothing_is_a_bug(store):
    with pytest.raises(KeyError, match="no call k9 was begun"):
        store.calls.end("k9", **REPLY)
