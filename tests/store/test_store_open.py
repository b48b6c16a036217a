"""Creating and opening projects, and the gate before them."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from lrstudio import __version__
from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.text import Document
from lrstudio.store import pair_tables, remote_tables, review_tables, tables  # noqa: F401 - each adds its tables
from lrstudio.store.meta import CREATED_BY, PROJECT_ID
from lrstudio.store.schema import CURRENT
from lrstudio.store.store import Store

FILES_ONLY = True


def test_a_new_project_keeps_what_it_is(tmp_path):
    with Store.create(tmp_path / "p.lrs", title="Mines of the Baltic") as store:
        project_id = store.meta.get(PROJECT_ID)
        store.meta.set("last_question", "q1")
        store.meta.set("last_question", "q2")
    with Store.open(tmp_path / "p.lrs") as again:
        assert (again.meta.title, again.meta.get(CREATED_BY)) == ("Mines of the Baltic", __version__)
        assert again.meta.get(PROJECT_ID) == project_id
        assert again.meta.get("last_question") == "q2"
        assert again.meta.get("never set") is None
        assert again.upgrade is None


def test_the_file_is_marked_and_kept_as_it_should_be(store, sql):
    assert sql(store.path, "PRAGMA application_id") == [(int.from_bytes(b"LRSP", "big"),)]
    assert sql(store.path, "PRAGMA user_version") == [(CURRENT.number,)]
    assert sql(store.path, "PRAGMA journal_mode") == [("wal",)]
    assert sql(store.path, "PRAGMA integrity_check") == [("ok",)]


def test_every_connection_has_its_pragmas(store):
    with store._connections.read() as reader, store._connections.write() as writer:
        for connection in (reader, writer):
            values = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("foreign_keys", "synchronous", "busy_timeout")
            ]
            assert values == [1, 1, 5000]


def _is_a_table(name, kind, _parents):
    return kind != "table" or not name.startswith("search_index")  # the full-text index, which is no table


def test_migrations_make_exactly_the_tables_of_the_program(store):
    with closing(sqlite3.connect(store.path)) as raw:
        engine = sa.create_engine("sqlite://", creator=lambda: raw, poolclass=sa.StaticPool)
        with engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True, "include_name": _is_a_table}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, tables.metadata) == []


def test_every_constraint_and_index_has_a_name(store, sql):
    assert tables.metadata.naming_convention is not None
    for table in tables.metadata.tables.values():
        written = sql(store.path, "SELECT sql FROM sqlite_master WHERE name = ?", table.name)[0][0]
        for kind in ("PRIMARY KEY", "FOREIGN KEY", "UNIQUE"):
            assert all(line.strip().startswith("CONSTRAINT ") for line in written.splitlines() if kind in line)


def test_creating_leaves_an_existing_file_alone(tmp_path):
    path = tmp_path / "notes.lrs"
    path.write_text("my notes")
    with pytest.raises(Refused, match="exists already"):
        Store.create(path)
    assert path.read_text() == "my notes"
    assert [it.name for it in tmp_path.iterdir()] == ["notes.lrs"]


def test_of_two_programs_that_create_one_file_one_is_refused(tmp_path, start_child):
    program = """
import sys
from pathlib import Path
from lrstudio.domain.errors import Refused
from lrstudio.store.store import Store
print("ready", flush=True)
sys.stdin.readline()
try:
    print(Store.create(Path(sys.argv[1])).meta.get("project_id"))
except Refused:
    print("refused")
"""
    children = [start_child(program, tmp_path / "p.lrs") for _ in range(2)]
    for child in children:
        child.stdout.readline()
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = sorted(child.communicate()[0].strip() for child in children)
    with Store.open(tmp_path / "p.lrs") as store:
        assert answers == [store.meta.get(PROJECT_ID), "refused"]
    assert [it.name for it in tmp_path.iterdir()] == ["p.lrs"]


def test_creating_leaves_a_dangling_link_alone(tmp_path):
    path = tmp_path / "p.lrs"
    path.symlink_to(tmp_path / "elsewhere.lrs")
    with pytest.raises(Refused, match="exists already"):
        Store.create(path)
    assert not (tmp_path / "elsewhere.lrs").exists()


def test_creating_in_a_missing_folder_is_told(tmp_path):
    with pytest.raises(Environment, match="folder does not exist"):
        Store.create(tmp_path / "nowhere" / "p.lrs")


def test_a_failed_creation_leaves_nothing(tmp_path):
    versions = tmp_path / "versions"
    versions.mkdir()
    broken = CURRENT.versions[0].joinpath("0001_initial.py").read_text().replace("def upgrade() -> None:", BREAK_OFF)
    versions.joinpath("0001_initial.py").write_text(broken)
    (tmp_path / "here").mkdir()
    with pytest.raises(RuntimeError, match="broken off"):
        Store.create(tmp_path / "here" / "p.lrs", schema=type(CURRENT)(1, (versions,)))
    assert list((tmp_path / "here").iterdir()) == []


BREAK_OFF = """def upgrade() -> None:
    _create_all()
    raise RuntimeError("broken off")


def _create_all() -> None:"""


@pytest.mark.parametrize("name", ["plain.lrs", "100% of it?#1.lrs", "données 文書.lrs"])
def test_any_file_name_will_do(tmp_path, name):
    Store.create(tmp_path / name).close()
    Store.open(tmp_path / name).close()
    assert sorted(it.name for it in tmp_path.iterdir()) == [name]


def test_a_relative_path_stays_good_when_the_folder_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Store.create(Path("p.lrs")) as store:
        (tmp_path / "other").mkdir()
        monkeypatch.chdir(tmp_path / "other")
        store.library.add_document(Document("d", "text"))
        assert store.library.text("d") == "text"


def test_what_is_not_a_project_is_refused(tmp_path):
    (tmp_path / "folder.lrs").mkdir()
    (tmp_path / "text.lrs").write_text("This is no database. " * 100)
    (tmp_path / "empty.lrs").touch()
    with closing(sqlite3.connect(tmp_path / "other.lrs")) as other:
        other.execute("CREATE TABLE t (a)")
        other.execute("PRAGMA user_version=1")
        other.execute("PRAGMA application_id=77")
    for name, sentence in {
        "missing.lrs": "no project here",
        "folder.lrs": "a folder",
        "text.lrs": "not a LongReward Studio project",
        "empty.lrs": "not a LongReward Studio project",
        "other.lrs": "not a LongReward Studio project",
    }.items():
        with pytest.raises(Refused, match=sentence) as caught:
            Store.open(tmp_path / name)
        assert caught.value.where == str(tmp_path / name)
    assert not (tmp_path / "missing.lrs").exists()


def test_a_newer_project_is_refused_with_both_numbers(store, sql):
    store.close()
    sql(store.path, "PRAGMA user_version=7")
    with pytest.raises(Refused, match=rf"its schema is 7, this program reads up to {CURRENT.number}"):
        Store.open(store.path)


def test_a_damaged_project_is_told(store, tmp_path):
    store.library.add_document(Document("big", "".join(map(chr, range(32, 30_000)))))
    store.close()
    damaged = tmp_path / "damaged.lrs"
    shutil.copy(store.path, damaged)
    content = bytearray(damaged.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    damaged.write_bytes(content)
    with pytest.raises(Refused, match="damaged"), Store.open(damaged) as opened:
        opened.library.documents()


def test_a_project_that_went_away_does_not_come_back_empty(make_store):
    store = make_store()
    store.close()
    store.path.unlink()
    with pytest.raises(Environment, match="cannot be opened"):
        store.library.documents()
    assert not store.path.exists()


def test_opening_the_current_schema_imports_no_alembic(store, start_child):
    program = """
import sys
from pathlib import Path
from lrstudio.store.store import Store
with Store.open(Path(sys.argv[1])) as store:
    print(len(store.library.candidates()), "alembic" in sys.modules, "sqlmodel" in sys.modules)
"""
    assert start_child(program, store.path).communicate()[0].split() == ["2", "False", "True"]


def test_naming_the_records_imports_no_sql(start_child):
    program = "import sys, lrstudio.store.records; print([m for m in ('sqlalchemy', 'sqlite3') if m in sys.modules])"
    assert start_child(program).communicate()[0].strip() == "[]"
