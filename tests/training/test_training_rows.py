"""Rows come back as they were written, and a wrong one is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.errors import Refused
from lrstudio.formats.preference import made_prompt
from lrstudio.training.rows import Row, Turn, line_of, parts_of, rows_of

TEXT = st.text(max_size=20)
CHANCE = st.none() | st.floats(0, 1)
ROWS = st.builds(
    Row,
    row_id=TEXT,
    prompt=TEXT,
    chosen=TEXT,
    rejected=TEXT,
    system=TEXT,
    question=TEXT,
    short=TEXT,
    turns=st.lists(st.builds(Turn, question=TEXT, chosen=TEXT, rejected=TEXT, short=TEXT), max_size=2).map(tuple),
    win=CHANCE,
    chosen_win=CHANCE,
    rejected_win=CHANCE,
    mixed=st.booleans(),
)


@given(st.lists(ROWS, max_size=4))
def test_rows_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> None:
    path = tmp_path_factory.mktemp("rows") / "pairs.jsonl"
    path.write_text("".join(line_of(row) + "\n" for row in rows))
    assert list(rows_of(path)) == rows


@pytest.mark.parametrize(
    ("prompt", "question", "parts"),
    [
        ("One.\n\nTwo.\n\nWho?\n\nAnd why?", "Who?\n\nAnd why?", ("One.\n\nTwo.", "Who?\n\nAnd why?")),
        ("One.\n\n\n\nWho?", "Who?", ("One.\n\n", "Who?")),
        ("One.\n\nWho?", "", ("One.", "Who?")),
        ("One.\n\nWho?", "What?", ("One.", "Who?")),
        ("Who?", "Who?", ("Who?", "Who?")),
        ("Who?", "", ("Who?", "Who?")),
    ],
)
def test_a_prompt_is_parted_where_its_row_says(prompt: str, question: str, parts: tuple[str, str]) -> None:
    assert parts_of(Row(row_id="a", prompt=prompt, chosen="c", rejected="r", question=question)) == parts


@given(document=st.text(min_size=1).filter(str.strip), question=st.text(min_size=1))
def test_what_the_layout_puts_together_is_parted_again(document: str, question: str) -> None:
    row = Row(row_id="a", prompt=made_prompt(question, document), chosen="c", rejected="r", question=question)
    assert parts_of(row) == (document, question)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "pairs.jsonl line 2: not valid JSON"),
        ("[]", "pairs.jsonl line 2: not a JSON object"),
        ('{"row_id":"a","prompt":"p","chosen":"c"}', "pairs.jsonl line 2: the field rejected is missing"),
        ('{"row_id":"a","prompt":"p","chosen":"c","rejected":1}', "the field rejected is missing or no text"),
        ('{"row_id":"a","prompt":"p","chosen":"c","rejected":"r","win":1.5}', "the field win is no probability: 1.5"),
        ('{"row_id":"a","prompt":"p","chosen":"c","rejected":"r","question":1}', "the field question is no text"),
        ('{"row_id":"a","prompt":"p","chosen":"c","rejected":"r","odd":1}', "not a row of a run"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(line_of(Row(row_id="a", prompt="p", chosen="c", rejected="r")) + "\n" + line + "\n")
    with pytest.raises(Refused, match=words):
        list(rows_of(path))
