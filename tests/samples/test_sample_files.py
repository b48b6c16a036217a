from __future__ import annotations

import json
import re
from collections import Counter
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "resources" / "samples"
KINDS = {"full", "partial", "contradicted", "not_found", "not_checkable", "paraphrase_full"}
WITH_QUOTE = {"full", "partial", "contradicted", "paraphrase_full"}
COMMON_WORDS = {
    *("a", "after", "all", "and", "as", "at", "be", "by", "for", "from", "her", "his", "in", "it", "its", "of", "on"),
    *("one", "or", "that", "the", "then", "there", "to", "was", "were", "which", "with"),
}

Row = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> str:
    return (SAMPLES / "harbour-report.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    text = (SAMPLES / "harbour-report.questions.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def candidates(rows: list[Row]) -> list[Row]:
    return [candidate for row in rows for candidate in row["candidates"]]


def planted_of(candidates: list[Row]) -> list[tuple[str, str, Row]]:
    return [
        (candidate["id"], candidate["text"][entry["start"] : entry["end"]], entry)
        for candidate in candidates
        for entry in candidate["planted"]
    ]


def words(text: str) -> list[str]:
    return re.findall(r"£?\w(?:[\w.,'-]*\w)?", text)


def differing_middles(left: list[str], right: list[str]) -> tuple[list[str], list[str]]:
    """What is left of two word lists without their common beginning and their common end."""
    head = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False))))
    left, right = left[head:], right[head:]
    tail = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(left[::-1], right[::-1], strict=False))))
    return left[: len(left) - tail], right[: len(right) - tail]


def content_words(text: str) -> set[str]:
    return {word.lower() for word in words(text)} - COMMON_WORDS


def test_document_is_long_plain_and_without_repeated_paragraphs(document: str) -> None:
    assert 14_500 <= len(document.split()) <= 16_000
    assert "\r" not in document
    assert "\t" not in document
    paragraphs = [paragraph.strip() for paragraph in document.split("\n\n") if paragraph.strip()]
    assert len(set(paragraphs)) == len(paragraphs)
    numbers = re.findall(r"^## (\d+)\. ", document, flags=re.MULTILINE)
    assert numbers == [str(number) for number in range(1, 26)]


def test_three_questions_with_four_candidates_each(rows: list[Row]) -> None:
    assert len(rows) == 3
    assert len({row["query"] for row in rows}) == 3
    for number, row in enumerate(rows, start=1):
        assert row["dataset"] == "lrstudio-sample"
        assert row["document_id"] == "harbour-report"
        assert row["document_text"] is None
        assert row["meta"]["licence"] == "CC0-1.0"
        assert (SAMPLES / row["meta"]["document_file"]).is_file()
        assert row["reference_answers"]
        assert [candidate["id"] for candidate in row["candidates"]] == [f"q{number}-{letter}" for letter in "abcd"]
        assert len({candidate["model"] for candidate in row["candidates"]}) == 4


def test_candidates_keep_to_their_size(candidates: list[Row]) -> None:
    for candidate in candidates:
        assert 90 <= len(candidate["text"].split()) <= 260, candidate["id"]
        assert 6 <= len(candidate["planted"]) <= 12, candidate["id"]


def test_spans_cover_every_sentence_of_each_candidate(candidates: list[Row]) -> None:
    for candidate in candidates:
        text, position = candidate["text"], 0
        for entry in candidate["planted"]:
            assert position <= entry["start"] < entry["end"] <= len(text), candidate["id"]
            assert text[position : entry["start"]].strip() in ("", "-"), candidate["id"]
            sentence = text[entry["start"] : entry["end"]]
            assert sentence == sentence.strip()
            assert sentence[0].isupper()
            assert sentence.endswith(".")
            assert not re.search(r"[.!?]\s", sentence), sentence
            position = entry["end"]
        assert text[position:] == "", candidate["id"]


def test_every_kind_is_planted_and_two_paraphrases(candidates: list[Row]) -> None:
    counts = Counter(entry["kind"] for _, _, entry in planted_of(candidates))
    assert set(counts) == KINDS
    assert counts["paraphrase_full"] == 2
    assert all(entry["note"].strip() for _, _, entry in planted_of(candidates))


def test_readme_states_the_counts(candidates: list[Row]) -> None:
    readme = (SAMPLES / "README.md").read_text(encoding="utf-8")
    counts = Counter(entry["kind"] for _, _, entry in planted_of(candidates))
    assert f"The {counts.total()} sentences" in readme
    for kind, count in counts.items():
        assert f"{count} `{kind}`" in readme


def test_quotes_occur_exactly_once_in_the_document(candidates: list[Row], document: str) -> None:
    for candidate_id, sentence, entry in planted_of(candidates):
        assert ("quote" in entry) == (entry["kind"] in WITH_QUOTE), (candidate_id, sentence)
        for quote in [entry["quote"], *entry.get("also", [])] if "quote" in entry else []:
            assert document.count(quote) == 1, (candidate_id, quote)


def test_contradicted_differ_in_one_number_date_or_name_only(candidates: list[Row], document: str) -> None:
    for candidate_id, sentence, entry in planted_of(candidates):
        if entry["kind"] != "contradicted":
            continue
        true, false = differing_middles(words(entry["quote"]), words(sentence))
        assert 1 <= len(true) <= 4, (candidate_id, sentence)
        assert 1 <= len(false) <= 4, (candidate_id, sentence)
        significant = [word for word in true + false if word != "and"]
        assert all(word[0].isdigit() or word[0] == "£" or word[0].isupper() for word in significant), significant
        assert sentence not in document


def test_full_claims_share_their_words_with_the_report_and_paraphrases_do_not(candidates: list[Row]) -> None:
    for candidate_id, sentence, entry in planted_of(candidates):
        if entry["kind"] not in ("full", "paraphrase_full"):
            continue
        mine = content_words(sentence)
        shared = mine & content_words(" ".join([entry["quote"], *entry.get("also", [])]))
        if entry["kind"] == "full":
            assert len(shared) >= 0.6 * len(mine), (candidate_id, sentence, mine - shared)
        else:
            assert len(shared) <= 0.1 * len(mine), (candidate_id, sentence, shared)


def test_each_question_needs_passages_scattered_over_the_report(rows: list[Row], document: str) -> None:
    for row in rows:
        offsets = {
            document.index(quote)
            for _, _, entry in planted_of(row["candidates"])
            if "quote" in entry
            for quote in [entry["quote"], *entry.get("also", [])]
        }
        fifths = {5 * offset // len(document) for offset in offsets}
        assert len(offsets) >= 8
        assert len(fifths) >= 4, row["query"]
