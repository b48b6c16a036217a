"""The conditions under which the window's commands make sense. Light: it is imported before the first paint."""

from __future__ import annotations

from enum import StrEnum


class Fact(StrEnum):
    """One condition. A command is enabled while all of its conditions hold."""

    PROJECT = "project"
    QUESTIONS = "questions"
    CANDIDATE = "candidate"
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
    QUEUE = "queue"
    AUDIT = "audit"
    PAIRS = "pairs"
    SIDES = "sides"
    PAIR = "pair"
    PAIR_SEEN = "pair_seen"


OF_AUDIT = frozenset(
    {
        Fact.CANDIDATE,
        Fact.PART,
        Fact.CLAIM,
        Fact.SCORE,
        Fact.NONE_CHOSEN,
        Fact.COMMIT,
        Fact.CALL,
        Fact.UNDO,
        Fact.REDO,
        Fact.AUDIT,
    }
)
"""What holds only while the Audit workspace is shown; `PAIRS` holds while the Pairs workspace is."""
