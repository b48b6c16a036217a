"""The tables of pairs and sets in the first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

_PAIR_TRIGGERS = (
    """CREATE TRIGGER pair_entry_keeps_entries BEFORE DELETE ON pair_entry
    BEGIN SELECT RAISE(ABORT, 'the entries about pairs are append-only'); END""",
    """CREATE TRIGGER pair_entry_keeps_wording BEFORE UPDATE ON pair_entry
    BEGIN SELECT RAISE(ABORT, 'the entries about pairs are append-only'); END""",
    """CREATE TRIGGER pair_entry_keeps_place BEFORE INSERT ON pair_entry
    WHEN EXISTS (SELECT 1 FROM pair_entry WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the entries about pairs are append-only'); END""",
)
_SET_TRIGGERS = (
    """CREATE TRIGGER pair_set_stays BEFORE DELETE ON pair_set WHEN OLD.sealed
    BEGIN SELECT RAISE(ABORT, 'a frozen set is never changed'); END""",
    """CREATE TRIGGER pair_set_keeps_wording BEFORE UPDATE ON pair_set WHEN OLD.sealed
    BEGIN SELECT RAISE(ABORT, 'a frozen set is never changed'); END""",
    """CREATE TRIGGER pair_set_keeps_place BEFORE INSERT ON pair_set
    WHEN EXISTS (SELECT 1 FROM pair_set WHERE (id = NEW.id OR name = NEW.name) AND sealed)
    BEGIN SELECT RAISE(ABORT, 'a frozen set is never changed'); END""",
    """CREATE TRIGGER frozen_pair_stays BEFORE DELETE ON frozen_pair
    WHEN (SELECT sealed FROM pair_set WHERE id = OLD.set_key)
    BEGIN SELECT RAISE(ABORT, 'a frozen set is never changed'); END""",
    """CREATE TRIGGER frozen_pair_keeps_wording BEFORE UPDATE ON frozen_pair
    BEGIN SELECT RAISE(ABORT, 'a frozen set is never changed'); END""",
    """CREATE TRIGGER frozen_pair_joins_open_sets BEFORE INSERT ON frozen_pair
    WHEN (SELECT sealed FROM pair_set WHERE id = NEW.set_key)
    BEGIN SELECT RAISE(ABORT, 'a frozen set is never changed'); END""",
)


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
        sa.PrimaryKeyConstraint("id", name="pk_pair_entry"),
        sa.ForeignKeyConstraint(["pair_key"], ["pair.id"], name="fk_pair_entry_pair_key_pair"),
        sa.ForeignKeyConstraint(["undoes"], ["pair_entry.id"], name="fk_pair_entry_undoes_pair_entry"),
    )
    op.create_index("ix_pair_entry_pair_key", "pair_entry", ["pair_key"])
    op.create_index("ix_pair_entry_undoes", "pair_entry", ["undoes"])
    for trigger in _PAIR_TRIGGERS:
        op.execute(trigger)


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
    for trigger in _SET_TRIGGERS:
        op.execute(trigger)
