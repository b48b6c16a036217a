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
    TRAINING = "training"
    CHECKING = "checking"
    NOT_CHECKING = "not_checking"
    RUN = "run"
    RUN_ALIVE = "run_alive"
    RUN_OVER = "run_over"
    RUN_RESUMABLE = "run_resumable"
    RUN_FAR = "run_far"
    FETCHING = "fetching"
    HOST_LOST = "host_lost"


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
"""What holds only while the Audit workspace is shown; `PAIRS` and `TRAINING` hold while those workspaces are."""
