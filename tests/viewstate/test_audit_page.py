"""The page of a candidate says what the screen says, quotes the document with its pages, and is safe to open."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

from lrstudio.domain.text import Candidate, Span
from lrstudio.domain.verdicts import Dimension, Support
from lrstudio.viewstate.audit_page import QUOTES, audit_page, place
from tests.doubles.records import ANSWER, DOCUMENT, SENTENCES, make_decision, make_detail, passage_spans

MADE = "2026-11-21T10:00:00Z"


def words(html: str) -> str:
    body = html.split("<body>")[1]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_page_has_answer_verdicts_and_quotations_with_their_pages() -> None:
    page = words(audit_page(make_detail(), text=DOCUMENT, made=MADE))
    assert ANSWER in page
    assert "llama-3.1-8b" in page
    assert "harbour.pdf" in page
    for sentence, *_ in SENTENCES:
        assert sentence in page
    first = passage_spans()[1]
    assert f"“{first.of(DOCUMENT)}” ( page 87, characters" in page.replace("(page", "( page")
    assert "judge ✕ contradicted .04" in page
    assert f"and {5 - QUOTES} more" in page
    assert "Made with LongReward Studio, 2026-11-21 10:00 UTC." in page


def test_a_decision_names_who_when_and_why() -> None:
    decision = make_decision("c2", Support.FULL, reason="passage 2 says so", blind=True)
    page = words(audit_page(make_detail(decisions=[decision]), text=DOCUMENT, made=MADE))
    assert "✓ ● full ada, 2026-11-20, blind: passage 2 says so" in page
    assert "decided by a person" in page
    assert "decided by a person" not in words(audit_page(make_detail(), text=DOCUMENT, made=MADE))


def test_a_stated_score_is_on_the_page() -> None:
    decision = make_decision("", None, dimension=Dimension.HELPFULNESS, score=3.5)
    assert "✓ 3.5 ada" in words(audit_page(make_detail(decisions=[decision]), text=DOCUMENT, made=MADE))


def test_without_a_document_nothing_is_quoted() -> None:
    page = words(audit_page(make_detail(document=False), text=None, made=MADE))
    assert "“" not in page
    assert "no document" in page


def test_text_cannot_become_markup() -> None:
    detail = make_detail()
    evil = '<script>alert("1")</script> & \ud800'
    detail = replace(
        detail,
        candidate=Candidate("b", "q1", evil, "<m>"),
        question=replace(detail.question, query=evil),
    )
    page = audit_page(detail, text=DOCUMENT, made=MADE)
    assert "<script" not in page
    assert "<m>" not in page
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; ?" in page
    page.encode()


def test_a_passage_over_two_pages_names_both() -> None:
    document = make_detail().document
    assert document is not None
    assert place(Span(140, 160), document.source) == "pages 86–87, characters 140–160"
    assert place(Span(140, 150), document.source) == "page 86, characters 140–150"
    assert place(Span(1140, 2150), None) == "characters 1,140–2,150"
