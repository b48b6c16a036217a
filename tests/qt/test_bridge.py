"""One door for changes, late results dropped, errors where they belong, and jobs in batches."""

import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import anyio
import pytest
from PySide6.QtCore import QThread
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.verdicts import Dimension, Judgment, State
from lrstudio.judge.protocol import Emit, JudgeEvent, Progress
from lrstudio.qt.bridge.jobs import DRAIN_MS, Batch, Ended, JudgeJob
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.bridge.portal import Portal
from lrstudio.qt.bridge.reports import Refusal, bug_report, single
from lrstudio.qt.bridge.watch import DataWatch

CHANGES = Changes(decisions=frozenset({"b"}))


@pytest.fixture
def operations(qtbot: QtBot) -> Iterator[Operations]:
    made = Operations()
    yield made
    made.close()
    made.deleteLater()


@pytest.fixture
def portal() -> Iterator[Portal]:
    made = Portal()
    yield made
    made.close()


# ---- operations


def test_what_changed_is_announced_on_the_gui_thread_with_who_asked(operations: Operations, qtbot: QtBot) -> None:
    heard: list[tuple[object, object, bool]] = []
    here = QThread.currentThread()
    operations.changed.connect(lambda changes, who: heard.append((changes, who, QThread.currentThread() is here)))
    worked_on: list[str] = []

    def work() -> Changes:
        worked_on.append(threading.current_thread().name)
        return CHANGES

    operations.run(work, initiator=qtbot)
    qtbot.waitUntil(lambda: bool(heard))
    assert heard == [(CHANGES, qtbot, True)]
    assert worked_on[0].startswith("lrstudio-writer")


def test_a_read_begins_when_what_is_shown_meanwhile_is_painted(operations: Operations, qtbot: QtBot) -> None:
    order: list[str] = []

    class Page(QWidget):
        def paintEvent(self, event: QPaintEvent) -> None:
            order.append("painted")

    page = Page()
    qtbot.addWidget(page)
    with qtbot.waitExposed(page):
        page.show()
    order.clear()
    operations.query(lambda: order.append("read"), lambda _: None, slot="here")
    assert operations.is_busy
    page.update()
    qtbot.waitUntil(lambda: "read" in order and not operations.is_busy)
    assert order[:2] == ["painted", "read"]


def test_a_record_with_changes_is_announced_before_then_is_called(operations: Operations, qtbot: QtBot) -> None:
    class Made:
        changes = CHANGES

    order: list[str] = []
    operations.changed.connect(lambda *_: order.append("changed"))
    operations.run(Made, then=lambda made: order.append(type(made).__name__))
    qtbot.waitUntil(lambda: len(order) == 2)
    assert order == ["changed", "Made"]


def test_empty_changes_are_not_announced(operations: Operations, qtbot: QtBot) -> None:
    heard: list[object] = []
    done: list[object] = []
    operations.changed.connect(lambda *_: heard.append(1))
    operations.run(Changes, then=done.append)
    qtbot.waitUntil(lambda: bool(done))
    assert heard == []


def test_operations_run_one_after_the_other(operations: Operations, qtbot: QtBot) -> None:
    running, most, order = [0], [0], []

    def work(number: int) -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.005)
        running[0] -= 1
        return number

    for number in range(10):
        operations.run(lambda number=number: work(number), then=order.append)
    qtbot.waitUntil(lambda: len(order) == 10)
    assert order == list(range(10))
    assert most == [1]


def test_a_long_operation_does_not_hold_up_a_decision(operations: Operations, qtbot: QtBot) -> None:
    go, done = threading.Event(), []
    operations.run(lambda: go.wait(10), then=lambda _it: done.append("long"), long=True)
    operations.run(lambda: None, then=lambda _it: done.append("short"))
    qtbot.waitUntil(lambda: done == ["short"])
    go.set()
    qtbot.waitUntil(lambda: done == ["short", "long"])


def test_a_late_result_is_dropped(operations: Operations, qtbot: QtBot) -> None:
    go, got = threading.Event(), []

    def slow() -> str:
        go.wait(10)
        return "old"

    operations.query(slow, got.append, slot="candidate")
    operations.query(lambda: "new", got.append, slot="candidate")
    operations.query(lambda: "other", got.append, slot="document")
    qtbot.waitUntil(lambda: len(got) == 2)
    go.set()
    qtbot.waitUntil(lambda: not operations.is_busy)
    assert sorted(got) == ["new", "other"]


def test_a_project_that_is_left_takes_its_reads_along(operations: Operations, qtbot: QtBot) -> None:
    got: list[str] = []
    operations.query(lambda: "of the old project", got.append, slot="list")
    operations.drop_queries()
    qtbot.waitUntil(lambda: not operations.is_busy)
    assert got == []


def test_a_host_that_says_nothing_holds_up_no_read(operations: Operations, qtbot: QtBot) -> None:
    answered, got = threading.Event(), []
    for number in range(4):  # more than there are readers
        operations.query(lambda: answered.wait(10), lambda _: got.append("far"), slot=f"host {number}", far=True)
    operations.query(lambda: 1, lambda _: got.append("near"), slot="list")
    qtbot.waitUntil(lambda: bool(got))
    assert got == ["near"]
    answered.set()
    qtbot.waitUntil(lambda: len(got) == 5)


def test_what_is_about_no_project_is_not_dropped_with_one(operations: Operations, qtbot: QtBot) -> None:
    got: list[str] = []
    operations.query(lambda: "host", got.append, slot="host", far=True, lasting=True)
    operations.query(lambda: "list", got.append, slot="list")
    operations.drop_queries()
    qtbot.waitUntil(lambda: not operations.is_busy)
    assert got == ["host"]


def test_errors_go_where_they_belong(operations: Operations, qtbot: QtBot) -> None:
    refused: list[Refusal] = []
    troubled, crashed = [], []
    operations.refused.connect(refused.append)
    operations.troubled.connect(troubled.append)
    operations.crashed.connect(crashed.append)

    def fail(error: Exception) -> Callable[[], None]:
        def work() -> None:
            raise error

        return work

    operations.run(fail(Refused("no such claim")), initiator="me")
    operations.run(fail(Environment("disk full")))
    operations.run(fail(KeyError("planted")))
    operations.query(fail(Refused("gone")), lambda _it: None, slot="x")
    qtbot.waitUntil(lambda: len(refused) == 2 and bool(troubled) and bool(crashed))
    assert {(str(it.error), it.initiator) for it in refused} == {("no such claim", "me"), ("gone", None)}
    assert str(troubled[0].error) == "disk full"
    assert "KeyError" in crashed[0].summary
    assert "planted" in crashed[0].text


def test_whoever_asks_can_take_the_error(operations: Operations, qtbot: QtBot) -> None:
    mine: list[BaseException] = []
    announced: list[object] = []
    operations.refused.connect(announced.append)

    def work() -> None:
        raise Refused("mine")

    operations.run(work, failed=mine.append)
    qtbot.waitUntil(lambda: bool(mine))
    assert announced == []


def test_trying_again_does_the_same_once_more(operations: Operations, qtbot: QtBot) -> None:
    tries, got = [0], []

    def work() -> int:
        tries[0] += 1
        if tries[0] == 1:
            raise Environment("locked")
        return tries[0]

    operations.troubled.connect(lambda trouble: trouble.retry())
    operations.query(work, got.append, slot="x")
    qtbot.waitUntil(lambda: got == [2])


def test_closing_carries_out_what_was_asked_for(qtbot: QtBot) -> None:
    operations = Operations()
    done: list[int] = []
    for number in range(5):
        operations.run(lambda number=number: done.append(number))
    operations.close()
    operations.run(lambda: done.append(99))
    assert done == [0, 1, 2, 3, 4]
    operations.deleteLater()


def test_a_report_tells_what_was_done_and_where() -> None:
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError as error:
        report = bug_report(error, doing="opening a project")
    assert report.summary == "ZeroDivisionError: division by zero"
    assert "While: opening a project" in report.text
    assert "test_bridge.py" in report.text


def test_a_group_of_one_error_is_that_error() -> None:
    inner = Environment("x")
    assert single(BaseExceptionGroup("a", [ExceptionGroup("b", [inner])])) is inner
    two = ExceptionGroup("c", [inner, ValueError()])
    assert single(two) is two


# ---- watch


def test_a_new_version_of_the_file_is_announced_once(operations: Operations, qtbot: QtBot, tmp_path: Path) -> None:
    version, heard = [7], []
    watch = DataWatch(operations)
    operations.changed.connect(lambda changes, who: heard.append((changes.everything, who is watch)))
    watch.start(lambda: version[0], seen=7, log=tmp_path / "p.lrs-wal")
    qtbot.wait(900)
    assert heard == []
    version[0] = 8
    qtbot.waitUntil(lambda: heard == [(True, True)], timeout=20_000)
    qtbot.wait(900)
    assert len(heard) == 1
    watch.stop()
    watch.deleteLater()


def test_a_file_that_cannot_be_read_for_a_moment_is_asked_again(
    operations: Operations, qtbot: QtBot, tmp_path: Path
) -> None:
    answers: Iterator[int] = iter([7, -1, 8, 8, 8, 8])
    heard: list[object] = []

    def read() -> int:
        value = next(answers)
        if value < 0:
            raise Environment("busy")
        return value

    watch = DataWatch(operations)
    operations.changed.connect(lambda *_: heard.append(1))
    watch.start(read, seen=7, log=tmp_path / "p.lrs-wal")
    qtbot.waitUntil(lambda: heard == [1], timeout=20_000)
    watch.stop()
    watch.deleteLater()


# ---- jobs


def event(done: int, *, judged: str = "") -> JudgeEvent:
    progress = Progress(done, 1000, done, 0, 0, None, 1.0, None)
    judgment = Judgment("r", judged, Dimension.LOGICALITY, State.SCORED, score=5.0) if judged else None
    return JudgeEvent(progress, judgment)


def in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="job starter").start()


def run_job(
    portal: Portal, work: Callable[..., Awaitable[object]], qtbot: QtBot
) -> tuple[JudgeJob, list[Batch], list[Ended]]:
    job = JudgeJob("test", portal)
    batches: list[Batch] = []
    ended: list[Ended] = []
    job.progressed.connect(batches.append)
    job.ended.connect(ended.append)
    job.start(work, on_worker=in_thread)
    return job, batches, ended


def test_a_flood_of_events_arrives_in_few_batches(portal: Portal, qtbot: QtBot) -> None:
    async def work(*, emit: Emit) -> str:
        for number in range(1, 1001):
            emit(event(number, judged=f"c{number % 7}"))
        return "outcome"

    job, batches, ended = run_job(portal, work, qtbot)
    qtbot.waitUntil(lambda: bool(ended))
    assert ended[0].outcome == "outcome"
    assert not ended[0].cancelled
    assert len(batches) <= 50
    assert batches[-1].progress.done == 1000
    assert frozenset().union(*(batch.candidate_ids for batch in batches)) == {f"c{n}" for n in range(7)}
    job.deleteLater()


def test_batches_come_no_more_often_than_a_person_sees(portal: Portal, qtbot: QtBot) -> None:
    async def work(*, emit: Emit) -> None:
        for number in range(1, 101):
            emit(event(number))
            await anyio.sleep(0.005)

    started = time.monotonic()
    job, batches, ended = run_job(portal, work, qtbot)
    qtbot.waitUntil(lambda: bool(ended))
    assert len(batches) <= (time.monotonic() - started) * 1000 / DRAIN_MS + 1
    job.deleteLater()


def test_cancelling_waits_for_the_clean_up(portal: Portal, qtbot: QtBot) -> None:
    cleaned = threading.Event()
    running = threading.Event()

    async def work(*, emit: Emit) -> None:
        emit(event(1))
        running.set()
        try:
            await anyio.sleep(60)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.1)
            cleaned.set()

    job, _, ended = run_job(portal, work, qtbot)
    qtbot.waitUntil(running.is_set)
    job.cancel()
    assert job.cancelling
    qtbot.waitUntil(lambda: bool(ended))
    assert ended[0].cancelled
    assert cleaned.is_set()
    assert job.wait(0)
    job.deleteLater()


def test_a_job_can_be_cancelled_before_it_began(portal: Portal, qtbot: QtBot) -> None:
    async def work(*, emit: Emit) -> None:
        pytest.fail("it ran")

    waiting: list[Callable[[], None]] = []
    job = JudgeJob("test", portal)
    ended: list[Ended] = []
    job.ended.connect(ended.append)
    job.start(work, on_worker=waiting.append)
    job.cancel()
    waiting[0]()
    qtbot.waitUntil(lambda: bool(ended))
    assert ended[0].cancelled
    job.deleteLater()


def test_an_error_in_a_task_group_comes_back_as_itself(portal: Portal, qtbot: QtBot) -> None:
    async def fail() -> None:
        raise Environment("no route")

    async def work(*, emit: Emit) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(fail)

    job, _, ended = run_job(portal, work, qtbot)
    qtbot.waitUntil(lambda: bool(ended))
    assert isinstance(ended[0].error, Environment)
    job.deleteLater()


def test_the_portal_cancels_what_is_left_and_ends_its_thread(qtbot: QtBot) -> None:
    portal = Portal()
    stopped = threading.Event()
    running = threading.Event()

    async def forever() -> None:
        running.set()
        try:
            await anyio.sleep(60)
        finally:
            stopped.set()

    portal.start(forever)
    assert running.wait(5)
    portal.close()
    assert stopped.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "lrstudio-loop"]
    with pytest.raises(RuntimeError, match="closed"):
        portal.start(forever)


def test_a_portal_that_was_never_needed_closes_silently() -> None:
    Portal().close()
