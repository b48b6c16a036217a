from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.text import Span
from lrstudio.judge.lexical_features import LexicalDocument, Stems, best_window, match
from lrstudio.text.chunks import EXTRACTION_TOKENS, token_chunks
from lrstudio.text.tokens import Tokenizer
from tests.benchmarks.lexical_eval import common_order

letters = st.lists(st.sampled_from("abcd"), max_size=9)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.shipped()


def document(text: str, tokenizer: Tokenizer) -> LexicalDocument:
    return LexicalDocument(text, tokenizer=tokenizer)


@given(letters, letters)
def test_common_order_is_the_longest_common_subsequence(first: list[str], second: list[str]) -> None:
    longest = max(
        n for n in range(len(first) + 1) for kept in combinations(first, n) if _is_subsequence(list(kept), second)
    )
    assert common_order(first, second) == longest


def _is_subsequence(part: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(item in rest for item in part)


@given(letters, st.sets(st.sampled_from("abcd"), min_size=1), st.integers(1, 12))
def test_best_window_is_the_best_of_all_windows(found: list[str], wanted: set[str], width: int) -> None:
    windows = [found[i : i + width] for i in range(max(1, len(found)))]
    assert best_window(found, wanted, width) == max(len(wanted & set(window)) for window in windows) / len(wanted)


def test_stems_know_where_their_words_are() -> None:
    content = Stems.of("The RestaurantsTakeOut key, and 防波堤")
    assert list(zip(content.stems, content.starts, strict=True)) == [
        ("restaurant", 4),
        ("tak", 4),
        ("key", 23),
        ("防波", 32),
        ("波堤", 33),
    ]


def test_the_chunk_of_a_sentence_is_found_by_its_words(tokenizer: Tokenizer) -> None:
    filler = " ".join(f"The clerk wrote page {n} of the minutes without a pause." for n in range(200))
    text = f"{filler} A brass lantern was bought at the fair. {filler}"
    doc = document(text, tokenizer)
    best = doc.top("They bought a brass lantern.", 5)[0]
    assert "brass lantern" in doc.chunks[best.index].of(text)


def test_words_of_a_claim_that_runs_over_a_chunk_border_are_all_found(tokenizer: Tokenizer) -> None:
    filler = " ".join(f"Item {n} was entered by the clerk." for n in range(300))
    doc = document(filler, tokenizer)
    border = doc.chunks[5].start
    claim = "Grandfather Osterhagen repaired seventeen mooring buoys before breakfast."
    text = f"{filler[: border - 35]}. {claim} {filler[border:]}"
    found = match(document(text, tokenizer), claim)
    assert found.missing == ()
    assert found.verbatim


def test_margin_and_strength_are_low_where_the_words_are_everywhere(tokenizer: Tokenizer) -> None:
    common = " ".join("The mate and the captain walked to the quay. The boat lay at the quay." for _ in range(300))
    everywhere = match(document(common, tokenizer), "The captain walked to the boat with a lantern.")
    once = match(
        document(f"{common} The captain walked to the boat with a lantern. {common}", tokenizer),
        "The captain walked to the boat with a lantern.",
    )
    assert everywhere.values["margin"] == pytest.approx(0.0, abs=0.05)
    assert once.values["margin"] > 0.5
    assert once.strength > everywhere.strength + 0.5


def test_a_record_denies_only_what_it_says_nowhere_else(tokenizer: Tokenizer) -> None:
    record = "\n".join(
        [
            "name: The Anchor",
            "attributes.WiFi: no",
            "attributes.OutdoorSeating: True",
            "attributes.Music: False",
            '"parking": null,',
            "review: The music was too loud.",
        ]
    )
    doc = document(record, tokenizer)
    assert match(doc, "The Anchor has free WiFi.").denied == "attributes.WiFi: no"
    assert match(doc, "There is parking behind the house.").denied == '"parking": null,'
    assert match(doc, "The Anchor has outdoor seating.").denied == ""
    assert match(doc, "Guests speak of the music.").denied == ""
    assert match(doc, "The Anchor does not offer WiFi.").denied == ""
    assert match(doc, "It has no garden, but it offers WiFi.").denied == "attributes.WiFi: no"


def test_times_of_day_agree_across_clocks(tokenizer: Tokenizer) -> None:
    doc = document("hours.Monday: 11:0-20:30\nhours.Tuesday: 11:0-20:30", tokenizer)
    assert match(doc, "It is open from 11 am to 8:30 PM.").values["novel_times"] == 0
    assert match(doc, "It is open from 11 am to 9 PM.").values["novel_times"] == 1


def test_novelty_is_not_lowered_by_repetition(tokenizer: Tokenizer) -> None:
    text = "The brig struck upon the bar at noon. Nine hands were drowned."
    assert document(text, tokenizer).novelty == 1.0
    assert document(f"{text} {text}", tokenizer).novelty == 1.0
    assert document("The bar. The bar moved. The bar rose.", tokenizer).novelty < 1.0


def test_extraction_chunks_are_those_of_the_tokenizer(tokenizer: Tokenizer) -> None:
    from lrstudio.judge.lexical_key_points import extraction_chunks

    text = " ".join(
        f"On day {n} the bar stood at {n % 17} feet 6 inches; the wind was éast 防波堤." for n in range(900)
    )
    assert extraction_chunks(document(text, tokenizer)) == token_chunks(text, tokenizer, EXTRACTION_TOKENS)


@given(st.text(max_size=300), st.text(max_size=120))
def test_any_text_can_be_matched(text: str, claim: str) -> None:
    doc = LexicalDocument(text, tokenizer=Tokenizer.shipped())
    found = match(doc, claim)
    assert all(value == value for value in found.values.values())
    assert 0.0 <= found.absent <= 1.0
    covered = [doc.sentences_over(span) for span in doc.chunks]
    for chunk, run in zip(doc.chunks, covered, strict=True):
        assert all(doc.sentences[i].overlaps(chunk) for i in run)
    assert {i for run in covered for i in run} == set(range(len(doc.sentences)))
    assert sum(len(doc.sentence_stems(i)) for i in range(len(doc.sentences))) <= len(doc.stems)
    assert all(Span(span.start, span.end).of(text) for span in doc.sentences)
