"""The tables of marks, the guideline, the search index and review queues; the rules of tables.py hold here too."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Field

from lrstudio.store.tables import AnyText, Row, table_of


class MarkRow(Row, table=True):
    """A tag, bookmark or note on a thing; `removed` is when it was taken away, "" while it stands."""

    __tablename__ = "mark"
    __table_args__ = (sa.Index(None, "thing", "item_id"),)
    id: int | None = Field(default=None, primary_key=True)
    mark_id: str = Field(unique=True, sa_type=AnyText)
    kind: str = Field(sa_type=sa.Text)
    thing: str = Field(sa_type=sa.Text)
    item_id: str = Field(sa_type=AnyText)
    part_id: str = Field(sa_type=AnyText)
    start: int | None
    end: int | None
    text: str = Field(sa_type=AnyText)
    reviewer: str = Field(sa_type=AnyText)
    time: str = Field(sa_type=AnyText)
    removed: str = Field(sa_type=AnyText)


class GuidelineRow(Row, table=True):
    """One version of the labelling guideline."""

    __tablename__ = "guideline"
    version: int = Field(primary_key=True)
    text: str = Field(sa_type=AnyText)
    reviewer: str = Field(sa_type=AnyText)
    time: str = Field(sa_type=AnyText)


class SearchUnitRow(Row, table=True):
    """One indexed passage; its words are in `search_index` under the same id. Ids are never used twice."""

    __tablename__ = "search_unit"
    __table_args__ = (sa.Index(None, "found", "key"),)
    id: int | None = Field(default=None, primary_key=True)
    found: str = Field(sa_type=sa.Text)
    key: int
    ordinal: int
    start: int
    end: int


class ReviewQueueRow(Row, table=True):
    """A review queue, as it was chosen."""

    __tablename__ = "review_queue"
    id: int | None = Field(default=None, primary_key=True)
    queue_id: str = Field(unique=True, sa_type=AnyText)
    purpose: str = Field(sa_type=sa.Text)
    made: str = Field(sa_type=AnyText)
    reviewer: str = Field(sa_type=AnyText)
    population: int
    seed: int | None
    frame: str = Field(sa_type=AnyText)


class ReviewItemRow(Row, table=True):
    """One item of a queue; `inclusion_probability` only where it was drawn at random."""

    __tablename__ = "review_item"
    queue_key: int = Field(primary_key=True, foreign_key="review_queue.id")
    ordinal: int = Field(primary_key=True)
    candidate_key: int = Field(foreign_key="candidate.id")
    other_key: int | None = Field(foreign_key="candidate.id")
    dimension: str = Field(sa_type=sa.Text)
    part_id: str = Field(sa_type=AnyText)
    weight: float
    why: str = Field(sa_type=AnyText)
    inclusion_probability: float | None


class ReviewVisitRow(Row, table=True):
    """One look at an item."""

    __tablename__ = "review_visit"
    __table_args__ = (sa.Index(None, "queue_key", "ordinal"),)
    id: int | None = Field(default=None, primary_key=True)
    queue_key: int = Field(foreign_key="review_queue.id")
    ordinal: int
    reviewer: str = Field(sa_type=AnyText)
    opened: str = Field(sa_type=AnyText)
    seconds: float
    outcome: str = Field(sa_type=sa.Text)


mark = table_of(MarkRow)
guideline = table_of(GuidelineRow)
search_unit = table_of(SearchUnitRow)
review_queue = table_of(ReviewQueueRow)
review_item = table_of(ReviewItemRow)
review_visit = table_of(ReviewVisitRow)
