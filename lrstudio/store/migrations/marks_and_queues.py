"""Marks, the guideline, the search index and review queues, as the first schema makes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def create_marks() -> None:
    """Create tags, bookmarks and notes, and the versions of the guideline."""
    op.create_table(
        "mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mark_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("thing", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("part_id", sa.Text(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=True),
        sa.Column("end", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("time", sa.Text(), nullable=False),
        sa.Column("removed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mark"),
        sa.UniqueConstraint("mark_id", name="uq_mark_mark_id"),
    )
    op.create_index("ix_mark_thing_item_id", "mark", ["thing", "item_id"])
    op.create_table(
        "guideline",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("time", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_guideline"),
    )


def create_search() -> None:
    """Create the full-text index and what its passages are."""
    op.create_table(
        "search_unit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_search_unit"),
    )
    op.create_index("ix_search_unit_found_key", "search_unit", ["found", "key"])
    # Words without the texts: those are stored elsewhere, compressed.
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE search_index (rowid BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)")
        op.execute("CREATE INDEX ix_search_index_words ON search_index USING gin (words)")
        return
    op.execute(
        "CREATE VIRTUAL TABLE search_index USING fts5(words, content='', tokenize='unicode61 remove_diacritics 2')"
    )


def create_queues() -> None:
    """Create queues, their items and the visits to them."""
    op.create_table(
        "review_queue",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("queue_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("made", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=True),
        sa.Column("frame", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_review_queue"),
        sa.UniqueConstraint("queue_id", name="uq_review_queue_queue_id"),
    )
    op.create_table(
        "review_item",
        sa.Column("queue_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("candidate_key", sa.Integer(), nullable=False),
        sa.Column("other_key", sa.Integer(), nullable=True),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("part_id", sa.Text(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("inclusion_probability", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("queue_key", "ordinal", name="pk_review_item"),
        sa.ForeignKeyConstraint(["queue_key"], ["review_queue.id"], name="fk_review_item_queue_key_review_queue"),
        sa.ForeignKeyConstraint(["candidate_key"], ["candidate.id"], name="fk_review_item_candidate_key_candidate"),
        sa.ForeignKeyConstraint(["other_key"], ["candidate.id"], name="fk_review_item_other_key_candidate"),
    )
    op.create_table(
        "review_visit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("queue_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("opened", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_review_visit"),
        sa.ForeignKeyConstraint(["queue_key"], ["review_queue.id"], name="fk_review_visit_queue_key_review_queue"),
    )
    op.create_index("ix_review_visit_queue_key_ordinal", "review_visit", ["queue_key", "ordinal"])
