"""The tables of pairs and sets in the first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lrstudio.store.triggers import keep_entries, keep_sealed


def create_pairs() -> None:
    """Create the tables of pairs; triggers keep their entries append-only."""
    op.create_table(
        "pair",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Text(), nullable=False),
        sa.Column("question_key", sa.Integer(), nullable=False),
        sa.Column("chosen_id", sa.Text(), nullable=False),
        sa.Column("rejected_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("dimensions", sa.Text(), nullable=False),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("judge", sa.Text(), nullable=False),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("chosen_reward", sa.Float(), nullable=True),
        sa.Column("rejected_reward", sa.Float(), nullable=True),
        sa.Column("chosen_length", sa.Integer(), nullable=False),
        sa.Column("rejected_length", sa.Integer(), nullable=False),
        sa.Column("length_ratio", sa.Float(), nullable=True),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("time", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("stale", sa.Text(), nullable=False),
        sa.Column("suspect", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pair"),
        sa.ForeignKeyConstraint(["question_key"], ["question.id"], name="fk_pair_question_key_question"),
        sa.UniqueConstraint("pair_id", name="uq_pair_pair_id"),
    )
    op.create_index("ix_pair_question_key_id", "pair", ["question_key", "id"])
    for column in ("margin", "state"):
        op.create_index(f"ix_pair_{column}_question_key_id", "pair", [column, "question_key", "id"])
    for column in ("chosen_id", "rejected_id", "suspect"):
        op.create_index(f"ix_pair_{column}", "pair", [column])
    _create_entries()


def _create_entries() -> None:
    op.create_table(
        "pair_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_key", sa.Integer(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("time", sa.Text(), nullable=False),
        sa.Column("chosen_id", sa.Text(), nullable=False),
        sa.Column("rejected_id", sa.Text(), nullable=False),
        sa.Column("dimensions", sa.Text(), nullable=False),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("judge", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.Column("placed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pair_entry"),
        sa.ForeignKeyConstraint(["pair_key"], ["pair.id"], name="fk_pair_entry_pair_key_pair"),
        sa.ForeignKeyConstraint(["undoes"], ["pair_entry.id"], name="fk_pair_entry_undoes_pair_entry"),
    )
    op.create_index("ix_pair_entry_pair_key", "pair_entry", ["pair_key"])
    op.create_index("ix_pair_entry_undoes", "pair_entry", ["undoes"])
    op.create_index("ix_pair_entry_placed_id", "pair_entry", ["placed", "id"])
    keep_entries("pair_entry", "the entries about pairs are append-only")


def create_sets() -> None:
    """Create the tables of sets; triggers keep what is sealed as it is."""
    op.create_table(
        "pair_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("time", sa.Text(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pair_set"),
        sa.UniqueConstraint("name", name="uq_pair_set_name"),
    )
    op.create_table(
        "frozen_pair",
        sa.Column("set_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("set_key", "ordinal", name="pk_frozen_pair"),
        sa.ForeignKeyConstraint(["set_key"], ["pair_set.id"], name="fk_frozen_pair_set_key_pair_set"),
    )
    keep_sealed("pair_set", "frozen_pair", "set_key", "a frozen set is never changed")
