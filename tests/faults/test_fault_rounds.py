"""Three fault rounds with fixed seeds, and proof that a round can fail."""

import os
import shutil
from pathlib import Path

import pytest

from tests.doubles.chat_server import Request
from tests.faults import ledger
from tests.faults.hostile import hostile
from tests.faults.ledger import Event
from tests.faults.rounds import AIMS, PHASES, Bench, invented, play

needs_kill = pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench.prepare(tmp_path_factory.mktemp("faults"))


@needs_kill
@pytest.mark.parametrize(("seed", "aim"), [(3, "import"), (7, "write"), (14, "any")])
def test_a_killed_run_ends_as_if_undisturbed(bench: Bench, seed: int, aim: str) -> None:
    done = play(bench, seed=seed, aim=aim)

    assert done.complaints == []
    assert done.phase in (*PHASES, "between")
    assert (done.phase == "import") == (aim == "import")


@needs_kill
def test_a_project_that_forgets_is_complained_of(bench: Bench) -> None:
    def forget(project: Path) -> None:
        for beside in project.parent.glob(f"{project.name}-*"):
            beside.unlink()
        shutil.copy(bench.imported, project)

    done = play(bench, seed=17, aim="write", tamper=forget)

    assert [complaint.partition(" ")[2] for complaint in done.complaints] == [
        "finished calls were sent again",
        "calls were paid again, 6 were in flight at most",
        "finished calls are not in the project as they were",
    ]


@needs_kill
@pytest.mark.parametrize("aim", ["import", "any"])
def test_a_command_that_hangs_is_complained_of(bench: Bench, monkeypatch: pytest.MonkeyPatch, aim: str) -> None:
    monkeypatch.setattr("tests.faults.rounds.PATIENCE", 0.05)

    done = play(bench, seed=3, aim=aim)

    assert done.complaints
    assert "did not end within 0.05 s" in done.complaints[0] or "never came" in done.complaints[0]


def log(*lines: str) -> list[Event]:
    """Make a log of lines such as `>a` (a comes in), `<a` (its reply leaves) and `<a!` (one that is no completion)."""
    events: list[Event] = []
    for time, line in enumerate(lines):
        body = line[1]
        asked = [event for event in events if event.kind == "request" and event.body == body]
        number = len([event for event in events if event.kind == "request"]) + 1
        if line[0] == ">":
            events.append(Event("request", number, body, "claims" if body < "m" else "support", float(time)))
        else:
            events.append(Event("reply", asked[-1].number, body, "", float(time), paid=not line.endswith("!")))
    return events


@pytest.mark.parametrize(
    ("before", "after", "finished", "said"),
    [
        ("", "", "", []),
        (">a <a >b <b! >b <b", ">c <c", "ab", []),
        (">a >b <a", ">b <b", "a", []),
        (">a >b <a <b", ">b <b", "a", []),
        (">a <a", ">a <a", "a", ["1 finished calls were sent again"]),
        (">a <a", ">a", "a", ["1 finished calls were sent again"]),
        (">a <a >a <a", "", "a", ["1 calls were paid twice by one process"]),
        ("", ">a <a >b <b >b <b >a <a", "", ["2 calls were paid twice by one process"]),
        (">a <a >b <b", "", "", []),
        (">a <a >b <b >c <c", "", "", ["3 paid replies were lost, 2 were in flight at most"]),
        (
            ">a <a >b <b >c <c",
            ">a <a >b <b >c <c",
            "",
            ["3 calls were paid again, 2 were in flight at most", "3 paid replies were lost, 2 were in flight at most"],
        ),
        (">a <a!", "", "a", ["1 replies are in the project that the server never gave"]),
    ],
)
def test_a_log_is_read_for_what_was_paid(before: str, after: str, finished: str, said: list[str]) -> None:
    events = log(*before.split(), *after.split())
    cut = len(before.split())

    assert ledger.complaints(events[:cut], events[cut:], finished=finished, concurrency=2) == said


@pytest.mark.parametrize(
    ("events", "finished", "open_calls", "all_judged", "phase"),
    [
        (">a", "", [], False, "extraction"),
        (">a >p", "", [], False, "check"),
        (">p >a", "", [], False, "extraction"),
        (">p >a <a", "a", [], False, "check"),
        (">p >a <a", "", [], False, "write"),
        (">a <a!", "", ["claims"], False, "extraction"),
        (">a <a!", "", ["claims", "support"], False, "check"),
        (">a <a", "a", [], False, "between"),
        (">a <a", "a", [], True, "shutdown"),
    ],
)
def test_the_phase_is_told_from_what_is_left(
    events: str, finished: str, open_calls: list[str], all_judged: bool, phase: str
) -> None:
    found = ledger.phase(log(*events.split()), at=99.0, finished=finished, open_calls=open_calls, all_judged=all_judged)

    assert found == phase
    assert phase == "between" or phase in AIMS


def test_what_happens_after_the_kill_tells_no_phase() -> None:
    events = log(">p", "<p", ">a")

    assert ledger.phase(events, at=0.5, finished="", open_calls=[], all_judged=False) == "check"


def test_a_score_that_nobody_gave_is_named() -> None:
    claim = {"text": "A is B.", "support": 1.0}
    calm = {"candidate_id": "c", "dimension": "faithfulness", "score": 10.0, "claims": [claim]}
    other = {**calm, "claims": [{**claim, "support": 0.0}]}
    rated = {**calm, "dimension": "logicality", "claims": []}

    assert invented([calm, {**calm, "claims": []}, rated, {**rated, "score": None}], (calm, rated)) == []
    assert len(invented([other, {**rated, "score": 2.0}], (calm, rated))) == 2


def test_the_server_is_the_same_every_time() -> None:
    def request(text: str, seen: int) -> Request:
        prompt = f"# Task: helpfulness\n\n## The one\n{text}"
        body = {"messages": [{"role": "user", "content": prompt}]}
        return Request(1, seen, body, prompt.encode(), {})

    requests = [request(f"{n}", seen) for n in range(300) for seen in range(6)]
    first, second, other = ([hostile(seed)(it) for it in requests] for seed in (1, 1, 2))

    assert list(map(repr, first)) == list(map(repr, second)) != list(map(repr, other))
    assert {answer.status for answer in first} == {200, 429, 500, 502, 503}
    assert any(answer.hang for answer in first)
    assert any(answer.cut is not None for answer in first)
    for n in range(300):
        seen = first[6 * n : 6 * n + 6]
        arrives = [answer.complete for answer in seen]
        assert arrives == sorted(arrives), "once a reply has come, it comes every time"
        assert arrives[3:] == [True] * 3, "every request is answered within its tries"
        assert len({repr(answer) for answer in seen if answer.complete}) == 1, "the model says the same every time"
