"""The tables of pairs and sets; the rules of tables.py hold here too."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Field

from lrstudio.store.tables import AnyText, Row, table_of


class PairRow(Row, table=True):
    """A pair as its entries leave it, kept so that lists are sorted and filtered here. Lengths count code points.

    Candidates are named by their external ids: one that goes makes the pair stale. `suspect`: something it may rest on
    changed since `stale` was found out. Few indexes: each one whose values come in no order is rewritten over and over
    while many pairs are proposed, and sorting 100,000 rows takes a fraction of a second.
    """

    __tablename__ = "pair"
    __table_args__ = (
        sa.Index(None, "question_key", "id"),
        sa.Index(None, "margin", "question_key", "id"),
        sa.Index(None, "state", "question_key", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    pair_id: str = Field(unique=True, sa_type=AnyText)
    question_key: int = Field(foreign_key="question.id")
    chosen_id: str = Field(sa_type=AnyText, index=True)
    rejected_id: str = Field(sa_type=AnyText, index=True)
    state: str = Field(sa_type=sa.Text)
    rules: str = Field(sa_type=sa.Text)
    dimensions: str = Field(sa_type=AnyText)
    grounds: str = Field(sa_type=AnyText)
    judge: str = Field(sa_type=AnyText)
    margin: float | None
    chosen_reward: float | None
    rejected_reward: float | None
    chosen_length: int
    rejected_length: int
    length_ratio: float | None
    reviewer: str = Field(sa_type=AnyText)
    time: str = Field(sa_type=AnyText)
    reason: str = Field(sa_type=AnyText)
    blind: bool
    stale: str = Field(sa_type=AnyText)
    suspect: bool = Field(index=True)


class PairEntryRow(Row, table=True):
    """An entry about a pair; `placed` is its place in their order, a time. Triggers refuse to change or delete one."""

    __tablename__ = "pair_entry"
    __table_args__ = (sa.Index(None, "placed", "id"),)
    id: int | None = Field(default=None, primary_key=True)
    pair_key: int = Field(foreign_key="pair.id", index=True)
    act: str = Field(sa_type=sa.Text)
    reviewer: str = Field(sa_type=AnyText)
    time: str = Field(sa_type=AnyText)
    chosen_id: str = Field(sa_type=AnyText)
    rejected_id: str = Field(sa_type=AnyText)
    dimensions: str = Field(sa_type=AnyText)
    grounds: str = Field(sa_type=AnyText)
    rule: str = Field(sa_type=AnyText)
    judge: str = Field(sa_type=AnyText)
    reason: str = Field(sa_type=AnyText)
    blind: bool
    shown: str = Field(sa_type=AnyText)
    undoes: int | None = Field(foreign_key="pair_entry.id", index=True)
    placed: str = Field(sa_type=AnyText)


class PairSetRow(Row, table=True):
    """A set. Until it is sealed it is being made; then triggers refuse to change it or its pairs."""

    __tablename__ = "pair_set"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, sa_type=AnyText)
    content_hash: str = Field(sa_type=AnyText)
    reviewer: str = Field(sa_type=AnyText)
    time: str = Field(sa_type=AnyText)
    card: str = Field(sa_type=AnyText)
    sealed: bool


class FrozenPairRow(Row, table=True):
    """A pair in a set, as one line of JSON."""

    __tablename__ = "frozen_pair"
    set_key: int = Field(primary_key=True, foreign_key="pair_set.id")
    ordinal: int = Field(primary_key=True)
    content: str = Field(sa_type=AnyText)


pair = table_of(PairRow)
pair_entry = table_of(PairEntryRow)
pair_set = table_of(PairSetRow)
frozen_pair = table_of(FrozenPairRow)
