"""Documents, questions and candidates."""

from __future__ import annotations

import pytest

from lrstudio.domain.errors import Refused
from lrstudio.domain.summaries import DocumentSummary
from lrstudio.domain.text import Candidate, Document, PlaceKind, Question, Source, SourceMap, content_hash
from lrstudio.store.records import Added, CandidateInfo
from lrstudio.store.store import Store


@pytest.fixture
def library(make_store):
    return make_store(candidates=0).library


def test_a_document_comes_back_whole(library):
    source = Source("report.pdf", "pdf", "", "CC BY 4.0", SourceMap(PlaceKind.PAGE, (0, 6), ("1", "2")))
    document = Document("r", "Page 1 and page 2 \U0001f600\r\n\x00", title="Report", source=source)
    assert library.add_document(document) is Added.NEW
    assert library.document("r") == document
    assert library.document("r", with_text=False) == Document("r", None, "Report", source)
    assert library.text("r") == document.text


def test_two_ids_with_one_text_share_it(store, counts):
    for name in ("a", "b"):
        assert store.library.add_document(Document(name, "the same text")) is Added.NEW
    assert counts(store).documents == 3
    assert counts(store).texts == 2
    assert store.library.text("a") == store.library.text("b") == "the same text"


def test_a_document_added_again_is_the_same_or_refused(library):
    assert library.add_document(Document("x", "one")) is Added.NEW
    assert library.add_document(Document("x", "one", title="late")) is Added.SAME
    assert library.add_document(Document("x", None)) is Added.SAME
    with pytest.raises(Refused, match="document id 'x' already names a different text in this project"):
        library.add_document(Document("x", "two"))
    assert library.text("x") == "one"


def test_a_document_without_text_is_filled_later(library):
    assert library.add_document(Document("x", None, title="Title")) is Added.NEW
    assert library.text("x") is None
    source = Source("x.jsonl", "evaluation")
    assert library.add_document(Document("x", "now", source=source)) is Added.FILLED
    assert library.document("x") == Document("x", "now", "Title", source)
    assert library.add_document(Document("x", "now")) is Added.SAME


def test_an_empty_text_is_a_text(library):
    library.add_document(Document("x", ""))
    assert library.text("x") == ""
    assert library.documents()[-1].length == 0


def test_questions_are_numbered_within_their_document(library):
    library.add_document(Document("e", "another text"))
    for number, document_id in enumerate(["d", "e", "d", None, None, "d"], start=1):
        library.add_question(Question(f"q{number}", document_id, f"query {number}"))
    # The first question of d came with the project.
    assert [library.next_question_number(it) for it in ("d", "e", None, "unknown")] == [5, 2, 3, 1]


def test_a_question_comes_back_whole_and_is_found_by_its_query(library):
    lone = Question("lone", None, "On nothing?", ("yes", "no"))
    assert library.add_question(lone) is Added.NEW
    assert library.question("lone") == lone
    assert library.find_question(None, "On nothing?") == lone
    assert library.find_question("d", "On nothing?") is None
    assert library.find_question("d", "What is it?") == library.question("q")
    assert library.find_question(None, "What is it?") is None
    assert library.find_question("unknown", "What is it?") is None
    assert [it.question_id for it in library.questions()] == ["q", "lone"]
    assert [it.question_id for it in library.questions("d")] == ["q"]


def test_a_question_added_again_is_the_same_filled_or_refused(library):
    assert library.add_question(Question("q", "d", "What is it?")) is Added.SAME
    assert library.add_question(Question("q", "d", "What is it?", ("a mine",))) is Added.FILLED
    assert library.question("q").reference_answers == ("a mine",)
    assert library.add_question(Question("q", "d", "What is it?", ("a mine",))) is Added.SAME
    assert library.add_question(Question("q", "d", "What is it?")) is Added.SAME
    with pytest.raises(Refused, match="other reference answers"):
        library.add_question(Question("q", "d", "What is it?", ("a ship",)))
    for other in (Question("q", "d", "What else?"), Question("q", None, "What is it?")):
        with pytest.raises(Refused, match="question id 'q' already names a different question"):
            library.add_question(other)


def test_candidates_keep_their_order_within_the_question(library):
    library.add_question(Question("p", "d", "Second?"))
    for name, question_id in [("c3", "p"), ("c1", "q"), ("c2", "q"), ("c0", "p")]:
        assert library.add_candidate(Candidate(name, question_id, "text of " + name, "m"), origin="f.csv") is Added.NEW
    assert [it.candidate_id for it in library.candidates()] == ["c1", "c2", "c3", "c0"]
    assert [it.candidate_id for it in library.candidates("p")] == ["c3", "c0"]
    assert library.candidate("c0") == Candidate("c0", "p", "text of c0", "m")
    assert library.candidate_infos()[-1] == CandidateInfo("c0", "p", 2, "m", 10, "f.csv")


def test_a_candidate_added_again_is_the_same_filled_or_refused(library):
    assert library.add_candidate(Candidate("c", "q", "text")) is Added.NEW
    assert library.add_candidate(Candidate("c", "q", "text")) is Added.SAME
    assert library.add_candidate(Candidate("c", "q", "text", "llama")) is Added.FILLED
    assert library.candidate("c").model == "llama"
    assert library.add_candidate(Candidate("c", "q", "text")) is Added.SAME
    library.add_question(Question("p", "d", "Second?"))
    for other in (Candidate("c", "q", "else"), Candidate("c", "p", "text"), Candidate("c", "q", "text", "qwen")):
        with pytest.raises(Refused, match="candidate id 'c' already names a different answer"):
            library.add_candidate(other)


def test_what_is_missing_is_named(library):
    with pytest.raises(Refused, match="no document 'x'"):
        library.add_question(Question("q2", "x", "?"))
    with pytest.raises(Refused, match="no question 'x'"):
        library.add_candidate(Candidate("c", "x", "text"))
    for ask in (library.document, library.text):
        with pytest.raises(Refused, match="no document 'x'"):
            ask("x")
    with pytest.raises(Refused, match="no question 'x'"):
        library.question("x")
    with pytest.raises(Refused, match="no candidate 'x'"):
        library.candidate("x")


def test_the_list_of_documents_counts_without_reading_texts(make_store):
    store = make_store(candidates=3)
    store.library.add_question(Question("p", "d", "Second?"))
    store.library.add_document(Document("empty", None, title="No text"))
    text_hash = content_hash("A text of one line.\n")
    assert store.library.documents() == (
        DocumentSummary("d", "", 20, text_hash, questions=2, candidates=3),
        DocumentSummary("empty", "No text", None),
    )


def test_strings_that_utf8_cannot_hold_come_back_exactly(library):
    odd = "a lone \ud83d surrogate, two that are no pair \ud83d\ude00, a zero \x00"
    document = Document("id " + odd, odd, title=odd, source=Source(odd, "jsonl"))
    library.add_document(document)
    library.add_question(Question("q " + odd, document.document_id, odd, (odd,)))
    library.add_candidate(Candidate("c " + odd, "q " + odd, odd, odd))
    assert library.document(document.document_id) == document
    assert library.find_question(document.document_id, odd) == Question("q " + odd, document.document_id, odd, (odd,))
    assert library.candidate("c " + odd) == Candidate("c " + odd, "q " + odd, odd, odd)


def test_an_import_that_breaks_off_leaves_nothing(store, counts):
    before = counts(store)

    def broken_import(store: Store) -> None:
        with store.writing():
            store.library.add_document(Document("new", "text"))
            store.library.add_question(Question("new", "new", "?"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_import(store)
    assert counts(store) == before


def test_one_bad_row_of_an_import_leaves_the_good_ones(store):
    refused = 0
    with store.writing():
        for number, question_id in enumerate(["q", "missing", "q"]):
            try:
                with store.writing():
                    store.library.add_document(Document(f"d{number}", f"text {number}"))
                    store.library.add_candidate(Candidate(f"new{number}", question_id, "text"))
            except Refused:
                refused += 1
    assert refused == 1
    assert [it.document_id for it in store.library.documents()] == ["d", "d0", "d2"]
    assert [it.candidate_id for it in store.library.candidates()] == ["c1", "c2", "new0", "new2"]
