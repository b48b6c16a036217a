"""Pairs out: the rows of each trainer, files and folders that are whole or not there, and the way back in."""

import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Claim, Dimension, Evidence, Judgment, KeyPoint, State, Support
from lrstudio.formats.columns import Kind, write_table
from lrstudio.formats.datasets_folder import Card, DataFiles, write_datasets_folder
from lrstudio.formats.detect import read
from lrstudio.formats.longreward_out import pair_row, question_number, scored_row, write_longreward
from lrstudio.formats.preference import PreferenceRow, Provenance, RatedCandidate, ScoredRow, made_prompt
from lrstudio.formats.records import (
    ImportedCandidate,
    ImportedDocument,
    ImportedJudgment,
    ImportedPair,
    ImportedQuestion,
    RowError,
)
from lrstudio.formats.trl import Form, Shape, Trainer, shape_for

CHOSEN = RatedCandidate(
    candidate_id="q1-a", text="It was 7 feet.", model="a", scores={Dimension.FAITHFULNESS: 9.0}, reward=9.0
)
REJECTED = RatedCandidate(candidate_id="q1-b", text="It was 70 feet.", model="b", reward=4.0)
PAIR = PreferenceRow(
    pair_id="p1",
    question_id="q1",
    question="How deep was the bar?",
    document_id="harbour",
    document="The bar had 7 feet {question} in 1870.\n\nThe rest is mud.",
    short_document="The bar had 7 feet in 1870.",
    chosen=CHOSEN,
    rejected=REJECTED,
    dimensions=(Dimension.FAITHFULNESS,),
    margin=5.0,
    split="train",
    provenance=Provenance(
        rule="best-worst",
        gold=True,
        reviewer="ann",
        time="2026-01-01T00:00:00.000Z",
        reason="plain",
        blind=True,
        judges=("lexical",),
        licence="CC0",
    ),
)
PROMPT = "The bar had 7 feet {question} in 1870.\n\nThe rest is mud.\n\nHow deep was the bar?"
SHORT = "The bar had 7 feet in 1870.\n\nHow deep was the bar?"
ORIGIN = {
    "pair_id": "p1",
    "document_id": "harbour",
    "question_id": "q1",
    "question": "How deep was the bar?",
    "split": "train",
    "rule": "best-worst",
    "gold": True,
    "reviewer": "ann",
    "time": "2026-01-01T00:00:00.000Z",
    "reason": "plain",
    "blind": True,
    "judges": ["lexical"],
    "licence": "CC0",
}


def turn(role: str, content: str) -> list[dict[str, str]]:
    return [{"role": role, "content": content}]


def trained_on(row: dict[str, Any]) -> dict[str, Any]:
    """Return what a trainer reads of a row."""
    names = ("prompt", "short_prompt", "chosen", "rejected", "completion", "label", "margin")
    return {name: row[name] for name in names if name in row}


ANSWER, OTHER = "It was 7 feet.", "It was 70 feet."
TEXT, CHAT = PROMPT + "\n\n", turn("user", PROMPT)


@pytest.mark.parametrize(
    ("trainer", "form", "wanted"),
    [
        (Trainer.TRL, Form.EXPLICIT, [{"prompt": TEXT, "chosen": ANSWER, "rejected": OTHER}]),
        (Trainer.TRL, Form.IMPLICIT, [{"chosen": TEXT + ANSWER, "rejected": TEXT + OTHER}]),
        (
            Trainer.TRL,
            Form.CHAT,
            [{"prompt": CHAT, "chosen": turn("assistant", ANSWER), "rejected": turn("assistant", OTHER)}],
        ),
        (
            Trainer.TRL,
            Form.CHAT_IMPLICIT,
            [{"chosen": CHAT + turn("assistant", ANSWER), "rejected": CHAT + turn("assistant", OTHER)}],
        ),
        (Trainer.REWARD, Form.EXPLICIT, [{"prompt": TEXT, "chosen": ANSWER, "rejected": OTHER, "margin": 0.5}]),
        (
            Trainer.KTO,
            Form.EXPLICIT,
            [
                {"prompt": TEXT, "completion": ANSWER, "label": True},
                {"prompt": TEXT, "completion": OTHER, "label": False},
            ],
        ),
        (
            Trainer.KTO,
            Form.CHAT,
            [
                {"prompt": CHAT, "completion": turn("assistant", ANSWER), "label": True},
                {"prompt": CHAT, "completion": turn("assistant", OTHER), "label": False},
            ],
        ),
        (
            Trainer.LONGPO,
            Form.EXPLICIT,
            [{"prompt": TEXT, "short_prompt": SHORT + "\n\n", "chosen": ANSWER, "rejected": OTHER}],
        ),
    ],
)
def test_the_rows_of_each_trainer(trainer: Trainer, form: Form, wanted: list[dict[str, Any]]) -> None:
    shape = shape_for(trainer, form=form)
    rows = list(shape.rows([PAIR]))
    assert [trained_on(row) for row in rows] == wanted
    assert all(row.keys() == shape.columns.keys() for row in rows)
    assert all({name: row[name] for name in ORIGIN} == ORIGIN for row in rows)


def test_an_unpaired_candidate_is_one_row_for_each_side_it_is_on() -> None:
    third = RatedCandidate(candidate_id="q1-c", text="Nobody knows.")
    other = replace(PAIR, question_id="q2", pair_id="p4")
    pairs = [PAIR, replace(PAIR, rejected=third, pair_id="p2"), replace(PAIR, chosen=REJECTED, rejected=third), other]
    rows = list(shape_for(Trainer.KTO).rows(pairs))
    assert [(row["question_id"], row["candidate_id"], row["label"]) for row in rows] == [
        ("q1", "q1-a", True),
        ("q1", "q1-b", False),
        ("q1", "q1-c", False),
        ("q1", "q1-b", True),
        ("q2", "q1-a", True),
        ("q2", "q1-b", False),
    ]


def test_a_layout_puts_document_and_question_where_it_says() -> None:
    layout = "<doc>{document}</doc> Q: {question}\nA:"
    assert made_prompt("{document}?", "{question}", layout=layout) == "<doc>{question}</doc> Q: {document}?\nA:"
    assert made_prompt("Alone?", None, layout=layout) == "Alone?"
    row = next(shape_for(Trainer.TRL, form=Form.CHAT, layout="{question}\n{document}").rows([PAIR]))
    assert row["prompt"][0]["content"].startswith("How deep was the bar?\nThe bar had")
    for wrong in ("{document}", "{question}", "{document}{document}{question}", ""):
        with pytest.raises(Refused, match="each once"):
            shape_for(Trainer.TRL, layout=wrong)


def test_what_cannot_be_written_is_refused() -> None:
    for trainer in (Trainer.KTO, Trainer.LONGPO):
        with pytest.raises(Refused, match="explicit or chat"):
            shape_for(trainer, form=Form.IMPLICIT)
    with pytest.raises(Refused, match="judge its candidates") as caught:
        list(shape_for(Trainer.LONGPO).rows([replace(PAIR, short_document=None)]))
    assert caught.value.where == "pair 'p1'"
    with pytest.raises(Refused, match="choose another format") as caught:
        pair_row(replace(PAIR, document=None))
    assert caught.value.where == "pair 'p1'"


# ---- files


TEXTS = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from("\n\r\u2028\x00\x85\U0001f600\u202e \ufeff\"'{}")),
    min_size=1,
    max_size=30,
).filter(lambda text: bool(text.strip()) and "\n\n" not in text)


@st.composite
def pairs(draw: st.DrawFn) -> PreferenceRow:
    chosen, rejected = draw(st.lists(TEXTS, min_size=2, max_size=2, unique=True))
    document = draw(st.none() | st.builds("\n\n".join, st.lists(TEXTS, min_size=1, max_size=3)))
    return replace(
        PAIR,
        question=draw(TEXTS),
        document=document,
        document_id=None if document is None else "d",
        chosen=replace(CHOSEN, text=chosen),
        rejected=replace(REJECTED, text=rejected),
        margin=draw(st.none() | st.floats(0, 10)),
        split=draw(st.sampled_from(["", "train", "test"])),
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(pair=pairs(), form=st.sampled_from(Form), suffix=st.sampled_from(["jsonl", "jsonl.gz", "parquet"]))
def test_what_is_written_comes_back(tmp_path: Path, pair: PreferenceRow, form: Form, suffix: str) -> None:
    path = tmp_path / f"pairs.{suffix}"
    shape = shape_for(Trainer.TRL, form=form)
    assert write_table(path, shape.rows([pair]), columns=shape.columns) == 1
    items = list(read(path))
    documents = [item.document for item in items if isinstance(item, ImportedDocument)]
    assert [(it.document_id, it.text) for it in documents] == ([("d", pair.document)] if pair.document else [])
    assert [(it.question_id, it.query) for it in items if isinstance(it, ImportedQuestion)] == [("q1", pair.question)]
    found = [(it.candidate_id, it.text, it.model) for it in items if isinstance(it, ImportedCandidate)]
    assert found == [("q1-a", pair.chosen.text, "a"), ("q1-b", pair.rejected.text, "b")]
    said = [(it.chosen_id, it.rejected_id, it.margin) for it in items if isinstance(it, ImportedPair)]
    assert said == [("q1-a", "q1-b", pair.margin)]


def test_parquet_and_json_lines_hold_the_same(tmp_path: Path) -> None:
    odd = replace(
        PAIR, question_id="q2", question="lone \ud800 and paired \ud83d\ude00", margin=None, provenance=Provenance()
    )
    for trainer in Trainer:
        shape = shape_for(trainer, form=Form.CHAT)
        for name in ("p.parquet", "p.jsonl"):
            write_table(tmp_path / name, shape.rows([PAIR, odd]), columns=shape.columns)
        lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
        table = parquet.read_table(tmp_path / "p.parquet")
        assert table.to_pylist() == [{name: line[name] for name in shape.columns} for line in lines]
        assert table.column_names == list(shape.columns)
        assert lines[-1]["question"] == "lone \ufffd and paired \U0001f600"


def broken() -> Iterator[dict[str, Any]]:
    yield {"a": "1"}
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl"])
def test_a_table_that_breaks_off_leaves_the_old_one_and_nothing_else(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_table(tmp_path / name, broken(), columns={"a": Kind.TEXT})
    assert (tmp_path / name).read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


# ---- folders


def folder_rows(*splits: str) -> tuple[Shape, Iterator[dict[str, Any]]]:
    shape = shape_for(Trainer.TRL)
    return shape, shape.rows(replace(PAIR, pair_id=f"p{n}", split=split) for n, split in enumerate(splits))


@pytest.mark.parametrize("files", DataFiles)
def test_a_folder_has_its_rows_by_split(tmp_path: Path, files: DataFiles) -> None:
    shape, rows = folder_rows("test", "train", "", "test", "train")
    card = Card(title='A "set": 1', licence="mit", tags=("dpo",), sections=(("Judge", ("lexical", "")),))
    counts = write_datasets_folder(
        tmp_path / "out", rows, columns=shape.columns, card=card, files=files, shard_characters=300
    )
    assert counts == {"test": 2, "train": 3}
    names = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert names == [
        "README.md",
        f"data/test-00000-of-00001.{files.value}",
        f"data/train-00000-of-00002.{files.value}",
        f"data/train-00001-of-00002.{files.value}",
    ]
    front = (tmp_path / "out" / "README.md").read_text().split("---\n")[1]
    assert front.splitlines()[:13] == [
        'pretty_name: "A \\"set\\": 1"',
        'license: "mit"',
        "tags:",
        '- "dpo"',
        "size_categories:",
        "- n<1K",
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: test",
        f"    path: data/test-*.{files.value}",
        "  - split: train",
        f"    path: data/train-*.{files.value}",
    ]
    features = front.splitlines()[13:]
    assert features[:4] == ["dataset_info:", "  features:", "  - name: prompt", "    dtype: string"]
    assert [line[10:] for line in features if line.startswith("  - name: ")] == list(shape.columns)
    assert features[features.index("  - name: judges") + 1] == "    list: string"
    back = [item for item in read(tmp_path / "out" / "data") if isinstance(item, ImportedPair)]
    assert len(back) == 5


def test_a_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    card = Card(title="x")

    def some() -> Iterator[dict[str, Any]]:
        yield from folder_rows("train")[1]
        raise Refused("no more")

    with pytest.raises(Refused, match="no more"):
        write_datasets_folder(tmp_path / "out", some(), columns=shape_for(Trainer.TRL).columns, card=card)
    with pytest.raises(Refused, match="no pair"):
        write_datasets_folder(tmp_path / "out", [], columns={}, card=card)
    with pytest.raises(Refused, match="letters, digits"):
        write_datasets_folder(tmp_path / "out", folder_rows("../x")[1], columns={}, card=card)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").mkdir()
    shape, rows = folder_rows("train")
    write_datasets_folder(tmp_path / "out", rows, columns=shape.columns, card=card)
    with pytest.raises(Refused, match="a new or an empty folder"):
        write_datasets_folder(tmp_path / "out", folder_rows("train")[1], columns=shape.columns, card=card)
    with pytest.raises(Environment, match="cannot be written"):
        write_datasets_folder(tmp_path / "no" / "out", folder_rows("train")[1], columns=shape.columns, card=card)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# ---- LongReward's own files


DOCUMENT = "The bar had 7 feet in 1870. " * 10
SCORES = dict.fromkeys(Dimension, 8.0)
SCORED = ScoredRow(
    question_id="11",
    question="How deep?",
    number=3,
    candidate=replace(CHOSEN, scores=SCORES),
    document_id="11",
    document=DOCUMENT,
    judgments=(
        Judgment("r", "q1-a", Dimension.HELPFULNESS, State.SCORED, score=8.0, explanation="Useful."),
        Judgment(
            "r",
            "q1-a",
            Dimension.FAITHFULNESS,
            State.SCORED,
            score=5.0,
            claims=(
                Claim(
                    "c1",
                    "It was 7 feet.",
                    None,
                    State.SCORED,
                    support=Support.FULL,
                    evidence=(Evidence(Span(28, 55), 1), Evidence(Span(0, 27), 2)),
                    explanation="Said so.",
                ),
                Claim("c2", "It was wet.", None, State.NOT_CHECKABLE),
            ),
        ),
        Judgment(
            "r",
            "q1-a",
            Dimension.COMPLETENESS,
            State.SCORED,
            score=8.0,
            key_points=(KeyPoint("k1", "7 feet", Span(0, 140)), KeyPoint("k2", "in 1870", Span(0, 140))),
        ),
    ),
)


def test_a_scored_row_has_the_names_and_places_of_the_scripts() -> None:
    row = scored_row(SCORED)
    assert row is not None
    assert list(row) == ["idx", "query", "answer", "scores", "details"]
    assert row["idx"] == "11-3"
    assert row["scores"] == {**{dimension.value: 8.0 for dimension in Dimension}, "total": 32.0}
    assert row["details"]["helpfulness"] == {"analysis": "Useful.", "score": 8.0}
    assert row["details"]["logicality"] == {"analysis": "", "score": 8.0}
    assert row["details"]["completeness"]["info_list"] == {"0%-50%": "7 feet\nin 1870"}
    faithfulness = row["details"]["faithfulness"]
    assert faithfulness["score"] == 8.0
    assert faithfulness["facts"] == {"It was 7 feet.": 1.0}
    (fact,) = faithfulness["details"]
    assert list(fact) == ["fact", "analysis", "score", "evidences"]
    assert [(it["c_idx"], it["start_idx"], it["end_idx"]) for it in fact["evidences"]] == [(0, 0, 27), (1, 28, 55)]
    assert fact["evidences"][0]["content"] == "The bar had 7 feet in 1870."
    assert list(fact["evidences"][0]) == ["c_idx", "content", "start_idx", "end_idx", "total_token", "token_ids"]


def test_longreward_files_are_written_together_and_read_back(tmp_path: Path) -> None:
    unscored = replace(SCORED, number=4, candidate=replace(CHOSEN, scores={Dimension.HELPFULNESS: 8.0}))
    pair = replace(PAIR, question_id="11", question="How deep?", document=DOCUMENT)
    written = write_longreward(tmp_path / "out", scored=[SCORED, unscored], pairs=[pair])
    assert (written.scored, written.pairs, written.left_out) == (1, 1, 1)
    line = json.loads((tmp_path / "out" / "preference_pairs.jsonl").read_text())
    assert line == {
        "idx": 11,
        "context": DOCUMENT,
        "query": "How deep?",
        "win_response": ANSWER,
        "lose_response": OTHER,
    }
    assert list(line) == ["idx", "context", "query", "win_response", "lose_response"]
    items = list(read(tmp_path / "out"))
    assert not [item for item in items if isinstance(item, RowError)]
    assert [item.score for item in items if isinstance(item, ImportedJudgment)] == [8.0] * 4
    assert [item.chosen_id for item in items if isinstance(item, ImportedPair)]


def test_the_scripts_own_pairs_come_out_as_they_went_in() -> None:
    line = (Path(__file__).parents[1] / "data/formats/longreward/preference_pairs.jsonl").read_text(encoding="utf-8")
    row = json.loads(line)
    chosen = replace(CHOSEN, text=row["win_response"])
    rejected = replace(REJECTED, text=row["lose_response"])
    pair = replace(
        PAIR, question_id="7", question=row["query"], document=row["context"], chosen=chosen, rejected=rejected
    )
    assert json.dumps(pair_row(pair), ensure_ascii=False) + "\n" == line


def test_questions_have_whole_numbers() -> None:
    assert [question_number(name) for name in ("0", "11", "90071992547409931")] == [0, 11, 90071992547409931]
    others = [question_number(name) for name in ("q1", "011", "harbour#1", "", "\u0661", "-1")]
    assert len(set(others)) == len(others)
    assert all(1_000 < number < 2**48 for number in others)


# ---- memory


def test_memory_does_not_grow_with_the_number_of_pairs(tmp_path: Path) -> None:
    """A thousand pairs of 20 kB each are 40 MB of text in and more out; what is held at once is a row group."""

    def peak(count: int, name: str) -> int:
        document = "x" * 20_000
        source = (replace(PAIR, pair_id=f"p{n}", document=f"{n} {document}") for n in range(count))
        shape = shape_for(Trainer.TRL)
        tracemalloc.start()
        write_table(tmp_path / name, shape.rows(source), columns=shape.columns)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(2000, "a.jsonl") < 3_000_000
    few, many = peak(1000, "b.parquet"), peak(4000, "c.parquet")
    assert many < 1.2 * few
