"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lrstudio.store.migrations.marks_and_queues import create_marks, create_queues, create_search
from lrstudio.store.migrations.pairs_and_sets import create_pairs, create_sets
from lrstudio.store.migrations.remote_runs import create_remote_runs
from lrstudio.store.triggers import keep_entries

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table, and the triggers that keep the journal append-only."""
    _project()
    _library()
    _judging()
    _parts()
    _calls()
    _judge_batches()
    _vectors()
    _journal()
    _labels()
    create_marks()
    create_search()
    create_queues()
    create_pairs()
    create_sets()
    create_remote_runs()


def _project() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    op.create_table(
        "lock",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_start", sa.Text(), nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lock"),
    )


def _library() -> None:
    op.create_table(
        "document_text",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("code_points", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_document_text"),
    )
    op.create_table(
        "document",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.Text(), nullable=True),
        sa.Column("source_name", sa.Text(), nullable=True),
        sa.Column("source_format", sa.Text(), nullable=False),
        sa.Column("source_encoding", sa.Text(), nullable=False),
        sa.Column("source_licence", sa.Text(), nullable=False),
        sa.Column("source_map", sa.LargeBinary(), nullable=True),
        sa.Column("local_only", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_document"),
        sa.ForeignKeyConstraint(["text_hash"], ["document_text.hash"], name="fk_document_text_hash_document_text"),
        sa.UniqueConstraint("document_id", name="uq_document_document_id"),
    )
    op.create_index("ix_document_text_hash", "document", ["text_hash"])
    op.create_table(
        "question",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("document_key", sa.Integer(), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("query_hash", sa.Text(), nullable=False),
        sa.Column("reference_answers", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_question"),
        sa.ForeignKeyConstraint(["document_key"], ["document.id"], name="fk_question_document_key_document"),
        sa.UniqueConstraint("document_key", "ordinal", name="uq_question_document_key_ordinal"),
        sa.UniqueConstraint("question_id", name="uq_question_question_id"),
    )
    op.create_index("ix_question_document_key_query_hash", "question", ["document_key", "query_hash"])
    op.create_table(
        "candidate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", sa.Text(), nullable=False),
        sa.Column("question_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("characters", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_candidate"),
        sa.ForeignKeyConstraint(["question_key"], ["question.id"], name="fk_candidate_question_key_question"),
        sa.UniqueConstraint("candidate_id", name="uq_candidate_candidate_id"),
        sa.UniqueConstraint("question_key", "ordinal", name="uq_candidate_question_key_ordinal"),
    )


def _judging() -> None:
    op.create_table(
        "judge_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("judge", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt_pack", sa.Text(), nullable=False),
        sa.Column("tokenizer", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("dimensions", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started", sa.Text(), nullable=False),
        sa.Column("finished", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=True),
        sa.Column("trial", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_judge_run"),
        sa.UniqueConstraint("run_id", name="uq_judge_run_run_id"),
    )
    op.create_table(
        "judgment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_key", sa.Integer(), nullable=False),
        sa.Column("candidate_key", sa.Integer(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("aggregated", sa.Boolean(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("chunks_read", sa.Integer(), nullable=False),
        sa.Column("chunks_total", sa.Integer(), nullable=False),
        sa.Column("tokens_cut", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("call_key", sa.Text(), nullable=False),
        sa.Column("reference_score", sa.Float(), nullable=True),
        sa.Column("reference_note", sa.Text(), nullable=False),
        sa.Column("samples", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_judgment"),
        sa.ForeignKeyConstraint(["candidate_key"], ["candidate.id"], name="fk_judgment_candidate_key_candidate"),
        sa.ForeignKeyConstraint(["run_key"], ["judge_run.id"], name="fk_judgment_run_key_judge_run"),
        sa.UniqueConstraint(
            "run_key", "candidate_key", "dimension", name="uq_judgment_run_key_candidate_key_dimension"
        ),
    )
    op.create_index("ix_judgment_candidate_key_dimension", "judgment", ["candidate_key", "dimension"])


def _parts() -> None:
    op.create_table(
        "claim",
        sa.Column("judgment_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=True),
        sa.Column("end", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("support", sa.Float(), nullable=True),
        sa.Column("support_reason", sa.Text(), nullable=False),
        sa.Column("support_probability", sa.Float(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("call_key", sa.Text(), nullable=False),
        sa.Column("reference_support", sa.Float(), nullable=True),
        sa.Column("votes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("judgment_key", "ordinal", name="pk_claim"),
        sa.ForeignKeyConstraint(
            ["judgment_key"], ["judgment.id"], name="fk_claim_judgment_key_judgment", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "key_point",
        sa.Column("judgment_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("key_point_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("chunk_start", sa.Integer(), nullable=True),
        sa.Column("chunk_end", sa.Integer(), nullable=True),
        sa.Column("span_start", sa.Integer(), nullable=True),
        sa.Column("span_end", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("covered", sa.Float(), nullable=True),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("call_key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("judgment_key", "ordinal", name="pk_key_point"),
        sa.ForeignKeyConstraint(
            ["judgment_key"], ["judgment.id"], name="fk_key_point_judgment_key_judgment", ondelete="CASCADE"
        ),
    )


def _calls() -> None:
    op.create_table(
        "call",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("candidate_id", sa.Text(), nullable=False),
        sa.Column("document_hash", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt_pack", sa.Text(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_call"),
    )
    op.create_index("ix_call_candidate_id", "call", ["candidate_id"])
    op.create_index("ix_call_run_id", "call", ["run_id"])
    op.create_table(
        "call_reply",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_key", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("finish_reason", sa.Text(), nullable=False),
        sa.Column("parse_state", sa.Text(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("cost", sa.Float(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("finished", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_call_reply"),
        sa.ForeignKeyConstraint(["call_key"], ["call.key"], name="fk_call_reply_call_key_call"),
    )
    op.create_index("ix_call_reply_call_key", "call_reply", ["call_key"])
    op.create_index("ix_call_reply_run_id", "call_reply", ["run_id"])


def _judge_batches() -> None:
    op.create_table(
        "judge_batch",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("described", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name="pk_judge_batch"),
    )
    op.create_index("ix_judge_batch_run_id", "judge_batch", ["run_id"])


def _vectors() -> None:
    op.create_table(
        "vector",
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("space", "text_hash", name="pk_vector"),
    )


def _journal() -> None:
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("time", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("candidate_key", sa.Integer(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("part_id", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.Column("adjudicates", sa.Text(), nullable=False),
        sa.Column("placed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
        sa.ForeignKeyConstraint(["candidate_key"], ["candidate.id"], name="fk_decision_candidate_key_candidate"),
        sa.ForeignKeyConstraint(["undoes"], ["decision.id"], name="fk_decision_undoes_decision"),
    )
    op.create_index("ix_decision_candidate_key", "decision", ["candidate_key"])
    op.create_index("ix_decision_undoes", "decision", ["undoes"])
    op.create_index("ix_decision_placed", "decision", ["placed"])
    keep_entries("decision", "the journal is append-only")


def _labels() -> None:
    op.create_table(
        "label",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("candidate_key", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("lowest", sa.Float(), nullable=True),
        sa.Column("highest", sa.Float(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_label"),
        sa.ForeignKeyConstraint(["candidate_key"], ["candidate.id"], name="fk_label_candidate_key_candidate"),
    )
    op.create_index("ix_label_candidate_key", "label", ["candidate_key"])
