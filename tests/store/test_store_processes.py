"""Threads, processes, crashes and full disks."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import sqlalchemy as sa

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.text import Candidate, Document
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, JudgeRun, Judgment, RunState, State
from lrstudio.store.faults import told, told_of_files
from lrstudio.store.store import Store

FILES_ONLY = True

OPEN = """
import sys
from pathlib import Path
from lrstudio.domain.text import Candidate, Document
from lrstudio.store.store import Store
store = Store.open(Path(sys.argv[1]))
"""


def test_two_processes_write_at_once(store, start_child):
    program = (
        OPEN
        + """
sys.stdin.readline()
for number in range(100):
    store.library.add_candidate(Candidate(f"{sys.argv[2]}-{number}", "q", "text"))
"""
    )
    children = [start_child(program, store.path, name) for name in ("a", "b")]
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    for number in range(100):
        store.library.add_document(Document(f"own-{number}", "text"))
        store.library.add_candidate(Candidate(f"own-{number}", "q", "text"))
    assert [child.wait(60) for child in children] == [0, 0]
    names = [it.candidate_id for it in store.library.candidates("q")]
    assert len(names) == len(set(names)) == 302
    assert [it.ordinal for it in store.library.candidate_infos()] == list(range(1, 303))


def test_a_process_that_keeps_writing_is_waited_for_and_then_told(store, start_child, counts):
    child = start_child(
        OPEN + 'with store.writing():\n    print("writing", flush=True)\n    sys.stdin.readline()\n', store.path
    )
    assert child.stdout.readline() == "writing\n"
    assert counts(store).candidates == 2  # readers do not wait
    begun = time.monotonic()
    with pytest.raises(Environment, match="another program is writing") as caught:
        store.library.add_document(Document("x", "text"))
    assert time.monotonic() - begun > 4.5
    assert caught.value.where == str(store.path)
    child.communicate("done\n")
    store.library.add_document(Document("x", "text"))


def test_killed_in_the_middle_of_a_transaction(store, start_child, sql, counts):
    before = counts(store)
    program = (
        OPEN
        + """
with store.writing():
    for number in range(2000):
        store.library.add_document(Document(f"d{number}", f"text {number} " * 400))
        store.library.add_candidate(Candidate(f"k{number}", "q", "text " * 100))
    print("written", flush=True)
    sys.stdin.readline()
"""
    )
    child = start_child(program, store.path)
    assert child.stdout.readline() == "written\n"
    child.kill()
    child.wait(10)
    assert counts(store) == before
    store.library.add_document(Document("after", "text"))
    store.close()
    with Store.open(store.path) as again:
        assert counts(again).documents == before.documents + 1
    assert sql(store.path, "PRAGMA integrity_check") == [("ok",)]
    assert sql(store.path, "PRAGMA foreign_key_check") == []


def test_every_commit_is_noticed_and_nothing_else(store, start_child, counts):
    seen = store.data_version()
    counts(store)

    def undone() -> None:
        with store.writing():
            store.meta.set("a", "b")
            raise Refused("undone")

    with pytest.raises(Refused):
        undone()
    assert store.data_version() == seen
    store.meta.set("a", "b")
    own = store.data_version()
    assert own != seen
    assert start_child(OPEN + 'store.meta.set("a", "c")', store.path).wait(30) == 0
    assert store.data_version() != own
    assert store.meta.get("a") == "c"


def test_a_thread_that_writes_sees_its_own_work_and_others_do_not(store, counts):
    with ThreadPoolExecutor(1) as other, store.writing():
        store.library.add_candidate(Candidate("new", "q", "text"))
        assert store.library.candidate("new").text == "text"
        assert other.submit(counts, store).result(60).candidates == 2
    assert counts(store).candidates == 3


def test_a_reader_sees_one_state_until_it_ends(store, counts):
    with store._connections.read() as connection, ThreadPoolExecutor(1) as other:
        count = sa.text("SELECT count(*) FROM candidate")
        assert connection.execute(count).scalar() == 2
        other.submit(store.library.add_candidate, Candidate("new", "q", "text")).result(60)
        assert connection.execute(count).scalar() == 2
    assert counts(store).candidates == 3


def test_all_that_is_read_in_one_block_is_one_state(store):
    with ThreadPoolExecutor(1) as other, store.reading():
        assert len(store.library.candidates()) == 2
        other.submit(store.library.add_candidate, Candidate("new", "q", "text")).result(60)
        with store.reading():
            assert len(store.library.candidate_infos()) == 2
        with pytest.raises(Refused, match="no candidate 'new'"):
            store.library.candidate("new")
        with store.writing():
            assert store.library.candidate("new").text == "text"
        assert len(store.library.candidates()) == 2
    assert len(store.library.candidates()) == 3


def test_a_block_of_reading_ends_however_it_ends(store):
    with pytest.raises(Refused), store.reading():
        store.library.candidate("unknown")
    with ThreadPoolExecutor(1) as other:
        other.submit(store.library.add_candidate, Candidate("new", "q", "text")).result(60)
    assert store.library.candidate("new").text == "text"


def test_threads_write_and_read_at_once(store, counts):
    store.judging.start_run(JudgeRun("r", JudgeIdentity("scripted"), tuple(Dimension), RunState.RUNNING, "1"))
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        for turn in range(25):
            with store.writing():
                store.library.add_candidate(Candidate(f"{number}-{turn}", "q", "text"))
                store.judging.save_judgment(
                    Judgment("r", f"{number}-{turn}", Dimension.LOGICALITY, State.SCORED, score=1.0)
                )

    def read() -> None:
        start.wait()
        for _ in range(25):
            held = counts(store)
            assert held.candidates == held.judgments + 2
            assert sum(1 for _ in store.judging.judgments()) >= held.judgments
            store.data_version()

    with ThreadPoolExecutor(8) as pool:
        for task in [pool.submit(write, number) for number in range(4)] + [pool.submit(read) for _ in range(4)]:
            task.result(60)
    assert counts(store).judgments == 100


@pytest.fixture
def full_disk(store):
    """Let the file grow by a few pages and no more."""

    @sa.event.listens_for(store._connections._engine, "checkout")
    def limit(connection, record, proxy):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 4}")


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_told_and_changes_nothing(store, counts):
    before = counts(store)

    def fill() -> None:
        with store.writing():
            for number in range(100):
                store.library.add_candidate(Candidate(f"n{number}", "q", "text " * 1000))

    with pytest.raises(Environment, match="the disk is full; nothing was changed"):
        fill()
    assert counts(store) == before
    store.library.add_candidate(Candidate("small", "q", "text"))


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_inside_a_block_of_its_own_is_told_too(store):
    def fill() -> None:
        with store.writing():
            store.meta.set("a", "b")
            with store.writing():
                store.library.add_document(Document("big", "".join(map(chr, range(20, 50_000)))))

    with pytest.raises(Environment, match="the disk is full"):
        fill()
    assert store.meta.get("a") is None


def test_a_file_that_cannot_be_written_is_told(store):
    @sa.event.listens_for(store._connections._engine, "checkout")
    def limit(connection, record, proxy):
        connection.execute("PRAGMA query_only=ON")

    with pytest.raises(Environment, match="cannot be written to"):
        store.meta.set("a", "b")


def test_an_error_of_sql_itself_stays_a_bug(store):
    with pytest.raises(sa.exc.OperationalError), store._connections.read() as connection:
        connection.exec_driver_sql("SELECT no_such_column FROM candidate")
    with pytest.raises(sqlite3.OperationalError), told(store.path), closing(sqlite3.connect(":memory:")) as raw:
        raw.execute("nonsense")


def test_a_variant_of_a_known_fault_is_told_alike(store):
    with closing(sqlite3.connect(store.path, isolation_level=None)) as stale:
        stale.execute("BEGIN")
        stale.execute("SELECT * FROM meta").fetchall()
        store.meta.set("a", "b")
        with pytest.raises(Environment, match="another program is writing") as caught, told(store.path):
            stale.execute("DELETE FROM meta")
    assert caught.value.__cause__.sqlite_errorname == "SQLITE_BUSY_SNAPSHOT"


@pytest.mark.parametrize(
    ("number", "sentence"), [(28, "disk is full"), (13, "no permission"), (30, "read-only"), (5, "refused: bad")]
)
def test_errors_of_the_file_system_are_told(tmp_path, number, sentence):
    with pytest.raises(Environment, match=sentence), told_of_files(tmp_path):
        raise OSError(number, "bad")


def test_errors_of_whoever_is_writing_are_their_own(store):
    with pytest.raises(FileNotFoundError), store.writing():
        (store.path.parent / "import.txt").read_text()
