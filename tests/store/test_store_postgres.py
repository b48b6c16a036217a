"""What a shared database must do beyond what a file does: several machines, lost connections, other people's rights."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.decisions import Act, Decision, Target
from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.places import Answered, DatabaseUrl, place_of
from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, JudgeRun, RunState
from lrstudio.store import tables as t
from lrstudio.store.postgres import ask, no_password
from lrstudio.store.records import Upgrade
from lrstudio.store.schema import CURRENT, Schema
from lrstudio.store.store import Store
from lrstudio.text.resources import resource
from tests.doubles.postgres_server import PASSWORD, PostgresServer

pytestmark = pytest.mark.server("postgresql")

FILES_ONLY = True
HEAD = "import sqlalchemy as sa\nfrom alembic import op\nrevision = '0002'\ndown_revision = '0001'\nROWS = {}\n"
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"


@pytest.fixture
def store(postgres: PostgresServer) -> Iterator[Store]:
    with Store.create(postgres.new_database(), title="Shared") as store:
        store.library.add_document(Document("d", "A text of one line.\n"))
        store.library.add_question(Question("q", "d", "What is it?"))
        store.library.add_candidate(Candidate("c1", "q", "answer"))
        yield store


@pytest.fixture(scope="module")
def kept(_postgres: PostgresServer) -> Iterator[Store]:
    with Store.create(_postgres.new_database()) as store:
        yield store


@pytest.fixture
def schema_2(tmp_path: Path) -> Callable[[str], Schema]:
    def make(text: str) -> Schema:
        tmp_path.joinpath("0002_test.py").write_text(HEAD + text)
        return Schema(2, (*CURRENT.versions, tmp_path))

    return make


# ---- what is kept


@given(st.text(st.sampled_from("a\x00\x1a0\ud800\udc00\U0001f600'%\\"), max_size=12))
def test_any_text_comes_back(kept, text):
    kept.meta.set(text, text)
    assert kept.meta.get(text) == text
    assert kept.meta.get(text + "!") is None


def test_texts_that_are_stored_alike_are_told_apart(kept):
    names = ["\x00", "\x1a0000", "\x1a", "\x1a001a", "\ud800\udc00", "\U00010000", "\x1ad800"]
    for name in names:
        kept.meta.set(f"name {name}", name)
    assert [kept.meta.get(f"name {name}") for name in names] == names


def test_texts_sort_by_code_points_and_numbers_have_64_bits(store):
    for name in ("b", "Z", "ä", "a"):
        store.judging.start_run(JudgeRun(name, JudgeIdentity("x"), (), RunState.DONE, name, input_tokens=2**40))
    assert [it.run_id for it in store.judging.runs()] == ["ä", "b", "a", "Z"]
    assert store.judging.run("a").input_tokens == 2**40
    with store._connections.read() as connection:
        total = connection.execute(sa.select(sa.func.sum(t.judge_run.c.input_tokens))).scalar_one()
    assert (type(total), total) == (int, 2**42)


@pytest.mark.parametrize(
    "statement", ["UPDATE decision SET reviewer = 'bob'", "DELETE FROM decision", "TRUNCATE decision CASCADE"]
)
def test_the_server_itself_refuses_to_change_the_journal(store, postgres, statement):
    target = Target("c1", Dimension.HELPFULNESS)
    kept = store.journal.append(Decision(0, "ana", "2026-01-01", Act.CONFIRM, target))
    with pytest.raises(Exception, match="the journal is append-only"):
        postgres.run(statement, on=store.path)
    assert store.journal.decisions() == (kept,)


# ---- several at once


def test_a_commit_of_somebody_else_is_noticed(store):
    before = store.data_version()
    assert store.data_version() == before
    store.library.documents()
    assert store.data_version() == before
    with Store.open(store.path) as other:
        other.meta.set("a", "b")
        noticed = store.data_version()
        assert noticed != before
        with pytest.raises(Refused), other.writing():
            other.library.candidate("none")
        assert store.data_version() == noticed


def test_a_reader_sees_one_state(store):
    with Store.open(store.path) as other, store.reading():
        assert len(store.library.documents()) == 1
        other.library.add_document(Document("e", "Another.\n"))
        assert len(store.library.documents()) == 1
    assert len(store.library.documents()) == 2


def test_two_processes_write_at_once(store, start_child):
    program = """
import sys
from lrstudio.domain.places import place_of
from lrstudio.domain.text import Candidate
from lrstudio.store.store import Store
store = Store.open(place_of(sys.argv[1]))
sys.stdin.readline()
for number in range(60):
    with store.writing():
        store.library.add_candidate(Candidate(f"{sys.argv[2]}-{number}", "q", "text"))
store.close()
"""
    children = [start_child(program, store.path, name) for name in ("a", "b")]
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    assert [child.wait(60) for child in children] == [0, 0]
    assert sorted(it.ordinal for it in store.library.candidate_infos()) == list(range(1, 122))


def test_a_writer_who_waits_too_long_is_told_who_is_in_the_way(store):
    with Store.open(store.path) as other, other.writing():
        with pytest.raises(Environment, match="another program is writing to this project"):
            store.meta.set("a", "b")
        assert store.meta.get("a") is None
    store.meta.set("a", "c")
    assert store.meta.get("a") == "c"


def test_threads_write_one_after_the_other(store):
    def add(name: str) -> None:
        for number in range(20):
            store.library.add_candidate(Candidate(f"{name}-{number}", "q", "text"))

    threads = [threading.Thread(target=add, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.library.candidate_infos()) == 61


def test_a_holder_on_another_machine_of_the_same_name_is_unknown(store, postgres):
    store.locks.acquire("judge")
    postgres.run("UPDATE lock SET machine = 'its twin', boot_id = 'x', pid = 1", on=store.path)
    assert store.locks.holder("judge").host == socket.gethostname()
    assert store.locks.holder("judge").alive is None
    with pytest.raises(Environment, match="cannot tell whether it still runs"):
        store.locks.acquire("judge")
    store.locks.acquire("judge", take_over=True).release()


# ---- what goes wrong


def test_a_lost_connection_is_told_and_found_again(store, postgres):
    store.library.documents()
    before = store.data_version()
    postgres.run(TERMINATE.format(store.path.database))
    with pytest.raises(Environment, match="the connection to the server was lost"):
        store.library.documents()
    with pytest.raises(Environment, match="the connection to the server was lost"):
        store.data_version()
    assert len(store.library.documents()) == 1
    assert store.data_version() == before

    @store.writing()
    def write() -> None:
        store.meta.set("a", "b")
        postgres.run(TERMINATE.format(store.path.database))
        store.meta.set("a", "c")

    with pytest.raises(Environment, match="the connection to the server was lost"):
        write()
    assert store.meta.get("a") is None
    store.meta.set("a", "d")
    assert store.meta.get("a") == "d"


def test_no_connection_outlives_a_project_that_was_closed_while_somebody_read(store, postgres):
    lines = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{store.path.database}' AND pid != pg_backend_pid()"
    reading, closed = threading.Event(), threading.Event()

    def read():
        with store.reading():
            store.library.documents()
            reading.set()
            assert closed.wait(60)
        assert store.library.documents(), "who comes late is still answered"
        store.data_version()

    reader = threading.Thread(target=read)
    reader.start()
    assert reading.wait(60)
    store.close()
    closed.set()
    reader.join()
    until = time.monotonic() + 60
    while postgres.run(lines) != [[0]]:
        assert time.monotonic() < until, "a connection stayed open"
        time.sleep(0.01)


def test_a_server_that_stops_is_told_and_carries_on_later(store, postgres):
    postgres.stop()
    try:
        for ask in (store.library.documents, store.data_version, lambda: store.meta.set("a", "b")):
            with pytest.raises(Environment):
                ask()
        with pytest.raises(Environment, match="no PostgreSQL server answers"):
            Store.open(store.path)
    finally:
        postgres.start()
    assert len(store.library.documents()) == 1
    store.meta.set("a", "b")


def test_who_may_only_read_reads(store, postgres):
    postgres.run(f"CREATE ROLE reader_{store.path.database} LOGIN")
    postgres.run(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_{store.path.database}", on=store.path)
    url = postgres.url(store.path.database, user=f"reader_{store.path.database}")
    with Store.open(url) as reader:
        assert reader.library.candidate("c1").text == "answer"
        assert reader.data_version() == store.data_version()
        with pytest.raises(Environment, match="cannot be written to"):
            reader.meta.set("a", "b")


def test_who_was_given_rights_writes(store, postgres):
    name = f"writer_{store.path.database}"
    postgres.run(f"CREATE ROLE {name} LOGIN")
    handbook = resource("handbook", "several-people.md").read_text(encoding="utf-8")
    grants = [line.replace(" bo;", f" {name}") for line in handbook.splitlines() if line.startswith("GRANT")]
    assert len(grants) == 2
    for grant in grants:
        postgres.run(grant, on=store.path)
    with Store.open(postgres.url(store.path.database, user=name)) as writer:
        writer.library.add_candidate(Candidate("c2", "q", "another"))
        writer.journal.append(Decision(0, "bo", "2026-01-01", Act.CONFIRM, Target("c2", Dimension.HELPFULNESS)))
        with writer.locks.acquire("judge"):
            assert store.locks.holder("judge").alive is True
    assert [it.candidate_id for it in store.library.candidate_infos()] == ["c1", "c2"]


def test_a_wrong_or_missing_password_is_told_without_it(store, postgres):
    url = postgres.url(store.path.database, host="127.0.0.1")
    for password in (lambda _url: "hunter2", None):
        with pytest.raises(Refused, match="does not let this user in") as refused:
            Store.open(url, password=password)
        text = f"{refused.value!r} {refused.value} {refused.value.__cause__}"
        assert "hunter2" not in text
    with Store.open(url, password=lambda _url: PASSWORD) as opened:
        assert PASSWORD not in f"{opened.path} {opened._connections._engine} {vars(opened)}"
        assert opened.meta.title == "Shared"


def test_a_revision_that_fails_leaves_nothing(postgres, schema_2):
    url = postgres.new_database()
    with pytest.raises(ZeroDivisionError):
        Store.create(url, schema=schema_2("def upgrade():\n    1 / 0\n"))
    assert postgres.run("SELECT count(*) FROM pg_class WHERE relname IN ('meta', 'project_state')", on=url) == [[0]]
    Store.create(url).close()


def test_an_older_project_is_upgraded_when_nobody_else_has_it_open(store, postgres, schema_2):
    newer = schema_2("def upgrade():\n    op.add_column('candidate', sa.Column('note', sa.Text()))\n")
    with pytest.raises(Refused, match="open it with an upgrade"):
        Store.open(store.path, schema=newer, upgrade=False)
    with pytest.raises(Environment, match="while nobody else has it open"):
        Store.open(store.path, schema=newer)
    store.close()
    _alone(postgres, store.path)
    with Store.open(store.path, schema=newer) as opened:
        assert opened.upgrade == Upgrade(1, 2, None)
        assert opened.library.candidate("c1").text == "answer"
    with pytest.raises(Refused, match="newer LongReward Studio"):
        Store.open(store.path)


def test_an_upgrade_that_loses_rows_is_undone(store, postgres, schema_2):
    newer = schema_2("def upgrade():\n    op.execute('DELETE FROM candidate')\n")
    store.close()
    _alone(postgres, store.path)
    with pytest.raises(Environment, match="was undone: table candidate would hold 0 rows, not 1"):
        Store.open(store.path, schema=newer)
    with Store.open(store.path) as opened:
        assert opened.library.candidate("c1").text == "answer"


def test_of_two_who_create_one_succeeds(postgres, start_child):
    program = """
import sys
from lrstudio.domain.errors import Refused
from lrstudio.domain.places import place_of
from lrstudio.store.store import Store
sys.stdin.readline()
try:
    Store.create(place_of(sys.argv[1])).close()
    print("made")
except Refused as error:
    print("refused" if "a project in this database already" in str(error) else error)
"""
    url = postgres.new_database()
    children = [start_child(program, url) for _ in range(2)]
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    assert sorted(child.stdout.readline() for child in children) == ["made\n", "refused\n"]


def test_without_the_driver_one_is_told_what_to_install():
    program = "import sys\nsys.modules['pg8000'] = None\nfrom lrstudio.domain.places import place_of\n"
    program += "from lrstudio.store.store import Store\nStore.open(place_of('postgresql://ada@h/db'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "pip install 'lrstudio[postgres]'" in done.stderr.splitlines()[-1]


def _alone(server: PostgresServer, url: DatabaseUrl) -> None:
    """Wait until the server has noticed that everybody hung up."""
    until = time.monotonic() + 60
    count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{url.database}'"
    while server.run(count) != [[0]] and time.monotonic() < until:
        time.sleep(0.02)


def test_the_url_of_a_socket_reads_back(store):
    assert place_of(str(store.path)) == store.path


def test_a_database_can_be_asked_without_changing_it(postgres):
    empty = postgres.new_database()
    assert ask(empty, password=no_password) == Answered(None, 0, encrypted=False)
    postgres.run("CREATE TABLE theirs (one integer)", on=empty)
    assert ask(empty, password=no_password) == Answered(None, 1, encrypted=False)
    place = postgres.new_database()
    Store.create(place, title="Harbours").close()
    commits = postgres.run("SELECT commits FROM project_state", on=place)
    answered = ask(place, password=no_password)
    assert (answered.title, answered.encrypted) == ("Harbours", False)
    assert postgres.run("SELECT commits FROM project_state", on=place) == commits
    with pytest.raises(Refused, match="no database of this name"):
        ask(postgres.url("nowhere"), password=no_password)
    here = postgres.url(place.database, host="127.0.0.1")
    with pytest.raises(Refused, match="does not let this user in"):
        ask(here, password=lambda _url: "a wrong one")
    assert ask(here, password=lambda _url: PASSWORD).title == "Harbours"
