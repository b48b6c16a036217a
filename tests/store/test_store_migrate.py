"""Upgrades of old files, driven by revisions that exist for these tests alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Claim, Dimension, JudgeIdentity, JudgeRun, Judgment, RunState, State, Support
from lrstudio.store.migrate import upgrade_file
from lrstudio.store.records import Upgrade
from lrstudio.store.schema import CURRENT, Schema
from lrstudio.store.store import Store

FILES_ONLY = True

HEAD = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
ROWS = {}

"""
RECREATE_JUDGMENT = """
def upgrade():
    with op.batch_alter_table("judgment", recreate="always") as batch:
        batch.add_column(sa.Column("note", sa.Text(), nullable=True))
"""


@pytest.fixture
def judged(make_store):
    store = make_store()
    run = JudgeRun("r", JudgeIdentity("lexical"), (Dimension.FAITHFULNESS,), RunState.DONE, "2026-01-01T00:00:00+00:00")
    store.judging.start_run(run)
    claims = tuple(Claim(f"k{n}", f"claim {n}", Span(n, n + 1), State.SCORED, support=Support.FULL) for n in range(5))
    store.judging.save_judgment(
        Judgment("r", "c1", Dimension.FAITHFULNESS, State.SCORED, score=10.0, aggregated=True, claims=claims)
    )
    store.close()
    return store.path


@pytest.fixture
def schema_2(tmp_path):
    """Return a schema whose second revision is the given text."""

    def make(text: str) -> Schema:
        versions = tmp_path / "versions"
        versions.mkdir(exist_ok=True)
        versions.joinpath("0002_test.py").write_text(HEAD + text)
        return Schema(2, (*CURRENT.versions, versions))

    return make


def dump(path):
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def assert_as_before(path, before, sql):
    assert dump(path) == before
    assert sql(path, "PRAGMA user_version") == [(1,)]
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]
    with Store.open(path) as store:
        assert len(next(store.judging.judgments()).claims) == 5
        assert store.upgrade is None


def test_recreating_a_parent_keeps_its_children(judged, schema_2, sql, tmp_path):
    before = dump(judged)
    with Store.open(judged, schema=schema_2(RECREATE_JUDGMENT)) as store:
        assert store.upgrade == Upgrade(1, 2, tmp_path / "p.backup-v1.lrs")
        (judgment,) = store.judging.judgments()
        assert len(judgment.claims) == 5
        with store._connections.read() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    assert sql(judged, "SELECT note FROM judgment") == [(None,)]
    assert sql(judged, "PRAGMA user_version") == [(2,)]
    assert sql(judged, "PRAGMA foreign_key_check") == []
    assert_as_before(tmp_path / "p.backup-v1.lrs", before, sql)


def test_with_foreign_keys_on_the_same_revision_would_empty_the_child(judged):
    """The trap that the procedure is built around is real in this SQLite and in this schema."""
    with closing(sqlite3.connect(judged)) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("CREATE TABLE new AS SELECT * FROM judgment")
        connection.execute("DROP TABLE judgment")
        assert connection.execute("SELECT count(*) FROM claim").fetchone() == (0,)
        connection.rollback()


def test_the_backup_holds_what_was_still_in_the_log(judged, schema_2, tmp_path):
    """A plain copy of the file would miss commits that are only in the write-ahead log."""
    with Store.open(judged) as writer:
        writer.meta.set("late", "yes")
        Store.open(judged, schema=schema_2(RECREATE_JUDGMENT)).close()
    with Store.open(tmp_path / "p.backup-v1.lrs") as backup:
        assert backup.meta.get("late") == "yes"


def test_an_older_backup_is_not_replaced(judged, schema_2, tmp_path):
    (tmp_path / "p.backup-v1.lrs").write_text("kept")
    with Store.open(judged, schema=schema_2(RECREATE_JUDGMENT)) as store:
        assert store.upgrade is not None
        assert store.upgrade.backup == tmp_path / "p.backup-v1-2.lrs"
    assert (tmp_path / "p.backup-v1.lrs").read_text() == "kept"


def test_without_leave_an_older_project_is_not_touched(judged, schema_2, sql):
    before = dump(judged)
    with pytest.raises(Refused, match="schema 1 and this program needs 2"):
        Store.open(judged, upgrade=False, schema=schema_2(RECREATE_JUDGMENT))
    assert_as_before(judged, before, sql)


def test_the_slower_of_two_processes_finds_it_done(judged, schema_2):
    schema = schema_2(RECREATE_JUDGMENT)
    assert upgrade_file(judged, schema) is not None
    assert upgrade_file(judged, schema) is None


BAD = {
    "loses rows": (
        'def upgrade():\n    op.execute("DELETE FROM claim WHERE ordinal = 0")\n',
        "claim would hold 4 rows, not 5",
    ),
    "adds rows": (
        "def upgrade():\n    op.execute(\"INSERT INTO meta VALUES ('a', 'b')\")\n",
        r"meta would hold \d+ rows, not \d+",
    ),
    "drops a table": (
        'def upgrade():\n    op.drop_table("key_point")\n    op.drop_table("claim")\n',
        "claim would hold 0",
    ),
    "leaves a dangling key": (
        'ROWS = {"candidate": -2}\n\ndef upgrade():\n    op.execute("DELETE FROM candidate")\n',
        "point at nothing in table candidate",
    ),
    "loses a trigger": (
        'def upgrade():\n    with op.batch_alter_table("decision", recreate="always") as batch:\n'
        '        batch.add_column(sa.Column("note", sa.Text()))\n',
        "loses the trigger decision_keeps_entries",
    ),
    "commits on its own and loses rows": (
        'def upgrade():\n    op.execute("DELETE FROM claim")\n    op.execute("COMMIT")\n    op.execute("BEGIN")\n',
        "claim would hold 0 rows",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), BAD.values(), ids=BAD.keys())
def test_a_revision_that_does_more_than_it_declares_is_undone(judged, schema_2, sql, tmp_path, text, sentence):
    before = dump(judged)
    with pytest.raises(Environment, match=sentence) as caught:
        Store.open(judged, schema=schema_2(text))
    assert "p.backup-v1.lrs" in caught.value.sentence
    assert_as_before(judged, before, sql)
    assert_as_before(tmp_path / "p.backup-v1.lrs", before, sql)


@pytest.mark.parametrize(
    "ending", ["", '    op.execute("COMMIT")\n'], ids=["in the transaction", "after a commit of its own"]
)
def test_a_revision_that_breaks_off_is_undone(judged, schema_2, sql, ending):
    before = dump(judged)
    text = 'def upgrade():\n    op.execute("DELETE FROM claim")\n' + ending + "    raise ArithmeticError\n"
    with pytest.raises(ArithmeticError):
        Store.open(judged, schema=schema_2(text))
    assert_as_before(judged, before, sql)


@pytest.mark.parametrize("declared", ["-1", "None"])
def test_a_declared_loss_of_rows_is_let_through(judged, schema_2, sql, declared):
    text = f'ROWS = {{"claim": {declared}}}\n\ndef upgrade():\n    op.execute("DELETE FROM claim WHERE ordinal = 4")\n'
    with Store.open(judged, schema=schema_2(text)) as store:
        assert len(next(store.judging.judgments()).claims) == 4


def test_a_new_project_runs_every_revision(tmp_path, schema_2, sql):
    schema = schema_2(RECREATE_JUDGMENT)
    Store.create(tmp_path / "new.lrs", schema=schema).close()
    assert sql(tmp_path / "new.lrs", "PRAGMA user_version") == [(2,)]
    assert "note" in sql(tmp_path / "new.lrs", "SELECT sql FROM sqlite_master WHERE name = 'judgment'")[0][0]
