"""The tables. Rows are storage: nothing here validates, and nothing here leaves the room (see mapping.py).

Columns that hold a word of an enum are plain text; every other string may hold anything that Python can.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, cast

import sqlalchemy as sa
from pydantic import ConfigDict
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


_ESCAPE = "\x1a"
_UNHELD = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


class AnyText(sa.types.TypeDecorator[str]):
    """Any Python string, exactly, although neither database takes all of them.

    SQLite keeps a string with a lone surrogate, which UTF-8 cannot hold, as a blob. PostgreSQL, whose text can hold
    neither surrogates nor NUL, keeps each as U+001A and four hexadecimal digits, and U+001A itself so, too.
    """

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> Any:
        """Return the string itself wherever the database can take it."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return _UNHELD.sub(lambda found: f"{_ESCAPE}{ord(found[0]):04x}", value)
        if value.isascii():
            return value
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogatepass")
        return value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        """Return the string that was stored."""
        if isinstance(value, bytes):
            return value.decode("utf-8", "surrogatepass")
        if value is not None and dialect.name == "postgresql" and _ESCAPE in value:
            return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
        return cast("str | None", value)


class Row(SQLModel):
    """The base of all tables, with metadata of its own and names for every constraint."""

    # Rows validate nothing: their validators, a fifth of the time to import the tables, are never built.
    model_config = ConfigDict(defer_build=True)  # type: ignore[assignment]
    metadata: ClassVar[sa.MetaData] = sa.MetaData(naming_convention=NAMING)


class MetaRow(Row, table=True):
    """One setting of the project."""

    __tablename__ = "meta"
    key: str = Field(primary_key=True, sa_type=AnyText)
    value: str = Field(sa_type=AnyText)


class LockRow(Row, table=True):
    """One lock held by a process; the token tells two holds of one process apart, `about` says what it is held for."""

    __tablename__ = "lock"
    name: str = Field(primary_key=True, sa_type=AnyText)
    pid: int
    process_start: str = Field(sa_type=AnyText)
    boot_id: str = Field(sa_type=AnyText)
    host: str = Field(sa_type=AnyText)
    machine: str = Field(sa_type=AnyText)
    since: str = Field(sa_type=AnyText)
    token: str = Field(sa_type=AnyText)
    about: str = Field(sa_type=AnyText)


class DocumentTextRow(Row, table=True):
    """A text, stored once: zstd over UTF-8 (surrogates passed through)."""

    __tablename__ = "document_text"
    hash: str = Field(primary_key=True, sa_type=AnyText)
    code_points: int
    content: bytes


class DocumentRow(Row, table=True):
    """A document under the id it was imported with."""

    __tablename__ = "document"
    id: int | None = Field(default=None, primary_key=True)
    document_id: str = Field(unique=True, sa_type=AnyText)
    title: str = Field(sa_type=AnyText)
    text_hash: str | None = Field(sa_type=AnyText, foreign_key="document_text.hash", index=True)
    source_name: str | None = Field(sa_type=AnyText)
    source_format: str = Field(sa_type=AnyText)
    source_encoding: str = Field(sa_type=AnyText)
    source_licence: str = Field(sa_type=AnyText)
    source_map: bytes | None
    local_only: bool = Field(default=False)


class QuestionRow(Row, table=True):
    """A question; `ordinal` counts from 1 within its document, in order of import."""

    __tablename__ = "question"
    __table_args__ = (sa.Index(None, "document_key", "query_hash"), sa.UniqueConstraint("document_key", "ordinal"))
    id: int | None = Field(default=None, primary_key=True)
    question_id: str = Field(unique=True, sa_type=AnyText)
    document_key: int | None = Field(foreign_key="document.id")
    ordinal: int
    query: str = Field(sa_type=AnyText)
    query_hash: str = Field(sa_type=AnyText)
    reference_answers: str = Field(sa_type=AnyText)


class CandidateRow(Row, table=True):
    """A candidate; `ordinal` counts from 1 within its question."""

    __tablename__ = "candidate"
    __table_args__ = (sa.UniqueConstraint("question_key", "ordinal"),)
    id: int | None = Field(default=None, primary_key=True)
    candidate_id: str = Field(unique=True, sa_type=AnyText)
    question_key: int = Field(foreign_key="question.id")
    ordinal: int
    model: str = Field(sa_type=AnyText)
    text: str = Field(sa_type=AnyText)
    characters: int
    origin: str = Field(sa_type=AnyText)


class JudgeRunRow(Row, table=True):
    """One judge run."""

    __tablename__ = "judge_run"
    id: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(unique=True, sa_type=AnyText)
    judge: str = Field(sa_type=AnyText)
    model: str = Field(sa_type=AnyText)
    prompt_pack: str = Field(sa_type=AnyText)
    tokenizer: str = Field(sa_type=AnyText)
    parameters: str = Field(sa_type=AnyText)
    dimensions: str = Field(sa_type=AnyText)
    state: str = Field(sa_type=sa.Text)
    started: str = Field(sa_type=AnyText)
    finished: str = Field(sa_type=AnyText)
    calls: int
    input_tokens: int = Field(sa_type=sa.BigInteger)
    output_tokens: int = Field(sa_type=sa.BigInteger)
    cost: float | None
    trial: bool = Field(default=False)


class JudgmentRow(Row, table=True):
    """What a judge run said of a candidate in a dimension."""

    __tablename__ = "judgment"
    __table_args__ = (
        sa.UniqueConstraint("run_key", "candidate_key", "dimension"),
        sa.Index(None, "candidate_key", "dimension"),
    )
    id: int | None = Field(default=None, primary_key=True)
    run_key: int = Field(foreign_key="judge_run.id")
    candidate_key: int = Field(foreign_key="candidate.id")
    dimension: str = Field(sa_type=sa.Text)
    state: str = Field(sa_type=sa.Text)
    reason: str = Field(sa_type=sa.Text)
    score: float | None
    aggregated: bool
    explanation: str = Field(sa_type=AnyText)
    chunks_read: int
    chunks_total: int
    tokens_cut: int
    attempts: int
    call_key: str = Field(sa_type=AnyText)
    reference_score: float | None
    reference_note: str = Field(sa_type=AnyText)
    samples: str = Field(sa_type=AnyText)


class ClaimRow(Row, table=True):
    """A claim of a judgment; evidence is JSON `[[start, end, rank, score, by_person], ...]`, votes `[1, null, ...]`."""

    __tablename__ = "claim"
    judgment_key: int = Field(primary_key=True, foreign_key="judgment.id", ondelete="CASCADE")
    ordinal: int = Field(primary_key=True)
    claim_id: str = Field(sa_type=AnyText)
    text: str = Field(sa_type=AnyText)
    start: int | None
    end: int | None
    state: str = Field(sa_type=sa.Text)
    reason: str = Field(sa_type=sa.Text)
    support: float | None
    support_reason: str = Field(sa_type=sa.Text)
    support_probability: float | None
    evidence: str = Field(sa_type=AnyText)
    explanation: str = Field(sa_type=AnyText)
    call_key: str = Field(sa_type=AnyText)
    reference_support: float | None
    votes: str = Field(sa_type=AnyText)


class KeyPointRow(Row, table=True):
    """A key point of a judgment."""

    __tablename__ = "key_point"
    judgment_key: int = Field(primary_key=True, foreign_key="judgment.id", ondelete="CASCADE")
    ordinal: int = Field(primary_key=True)
    key_point_id: str = Field(sa_type=AnyText)
    text: str = Field(sa_type=AnyText)
    chunk_start: int | None
    chunk_end: int | None
    span_start: int | None
    span_end: int | None
    state: str = Field(sa_type=sa.Text)
    reason: str = Field(sa_type=sa.Text)
    covered: float | None
    explanation: str = Field(sa_type=AnyText)
    call_key: str = Field(sa_type=AnyText)


class CallTableRow(Row, table=True):
    """A request to a model, written before it is sent. Ids are external: the log accepts what it is given."""

    __tablename__ = "call"
    key: str = Field(primary_key=True, sa_type=AnyText)
    purpose: str = Field(sa_type=AnyText)
    run_id: str = Field(sa_type=AnyText, index=True)
    candidate_id: str = Field(sa_type=AnyText, index=True)
    document_hash: str = Field(sa_type=AnyText)
    model: str = Field(sa_type=AnyText)
    prompt_pack: str = Field(sa_type=AnyText)
    request: bytes
    state: str = Field(sa_type=sa.Text)
    created: str = Field(sa_type=AnyText)
    attempts: int


class CallReplyRow(Row, table=True):
    """A reply to a call. A repeated call adds one, so that nothing that was answered and paid for is lost."""

    __tablename__ = "call_reply"
    id: int | None = Field(default=None, primary_key=True)
    call_key: str = Field(sa_type=AnyText, foreign_key="call.key", index=True)
    run_id: str = Field(sa_type=AnyText, index=True)
    state: str = Field(sa_type=sa.Text)
    reply: str = Field(sa_type=AnyText)
    finish_reason: str = Field(sa_type=AnyText)
    parse_state: str = Field(sa_type=sa.Text)
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    seconds: float | None
    error: str = Field(sa_type=AnyText)
    finished: str = Field(sa_type=AnyText)


class JudgeBatchRow(Row, table=True):
    """Calls that were sent to a host as files, one wave of a judge run; written before they are sent."""

    __tablename__ = "judge_batch"
    batch_id: str = Field(primary_key=True, sa_type=AnyText)
    run_id: str = Field(sa_type=AnyText, index=True)
    scope: str = Field(sa_type=AnyText)
    host: str = Field(sa_type=AnyText)
    described: str = Field(sa_type=AnyText)
    model: str = Field(sa_type=AnyText)
    wave: int
    files: str = Field(sa_type=AnyText)
    handle: str = Field(sa_type=AnyText)
    state: str = Field(sa_type=sa.Text)
    why: str = Field(sa_type=AnyText)
    created: str = Field(sa_type=AnyText)


class VectorRow(Row, table=True):
    """The vector of a text in one space: little-endian halves. Derived: what is lost is asked for again."""

    __tablename__ = "vector"
    space: str = Field(primary_key=True, sa_type=AnyText)
    text_hash: str = Field(primary_key=True, sa_type=AnyText)
    content: bytes


class DecisionRow(Row, table=True):
    """An entry of the journal. Triggers refuse to change or delete one.

    Entries are ordered by `placed`, then by `id`: their time, or that of the entry before where a clock went back.
    """

    __tablename__ = "decision"
    id: int | None = Field(default=None, primary_key=True)
    reviewer: str = Field(sa_type=AnyText)
    time: str = Field(sa_type=AnyText)
    act: str = Field(sa_type=sa.Text)
    candidate_key: int = Field(foreign_key="candidate.id", index=True)
    dimension: str = Field(sa_type=sa.Text)
    part_id: str = Field(sa_type=AnyText)
    before: str = Field(sa_type=AnyText)
    after: str = Field(sa_type=AnyText)
    shown: str = Field(sa_type=AnyText)
    reason: str = Field(sa_type=AnyText)
    blind: bool
    undoes: int | None = Field(foreign_key="decision.id", index=True)
    adjudicates: str = Field(sa_type=AnyText)
    placed: str = Field(sa_type=AnyText, index=True)


class LabelRow(Row, table=True):
    """What somebody said of a candidate elsewhere, on a scale of its own."""

    __tablename__ = "label"
    id: int | None = Field(default=None, primary_key=True)
    candidate_key: int = Field(foreign_key="candidate.id", index=True)
    reviewer: str = Field(sa_type=AnyText)
    name: str = Field(sa_type=AnyText)
    value: float | None
    lowest: float | None
    highest: float | None
    note: str = Field(sa_type=AnyText)
    origin: str = Field(sa_type=AnyText)


def table_of(row: type[SQLModel]) -> sa.Table:
    """Return the table of a class of rows."""
    return cast("sa.Table", row.__table__)  # type: ignore[attr-defined]


meta = table_of(MetaRow)
lock = table_of(LockRow)
document_text = table_of(DocumentTextRow)
document = table_of(DocumentRow)
question = table_of(QuestionRow)
candidate = table_of(CandidateRow)
judge_run = table_of(JudgeRunRow)
judgment = table_of(JudgmentRow)
claim = table_of(ClaimRow)
key_point = table_of(KeyPointRow)
call = table_of(CallTableRow)
call_reply = table_of(CallReplyRow)
judge_batch = table_of(JudgeBatchRow)
vector = table_of(VectorRow)
decision = table_of(DecisionRow)
label = table_of(LabelRow)

metadata = Row.metadata
