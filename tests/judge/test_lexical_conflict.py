from __future__ import annotations

import pytest

from lrstudio.judge.lexical_conflict import Conflict, find_conflict
from lrstudio.judge.lexical_features import LexicalDocument, match
from lrstudio.text.tokens import Tokenizer

REPORT = """The survey of 1870 was made by Commander Trenholme in an open boat. Commander Trenholme found 7 feet of
water over the bar at low water of ordinary spring tides. On the Kettle Shoal there were 9 feet at the same time.

The dredger Persistence was built by Dowie and Strang of Port Lorrick and delivered on 3 April 1874. She cost £14,750
and raised 280 tons an hour. The hopper dredger Perseverance was built by Kessel and Rowe of Port Lorrick and delivered
on 19 April 1902. About 40 per cent of her cost was met by the Treasury.

The raider laid one hundred and ten mines near the Anambas group. The port was closed on 7 December 1915 and was not
reopened until 21 February 1916. In those years the coal due was nearly doubled."""


@pytest.fixture(scope="module")
def report() -> LexicalDocument:
    return LexicalDocument(REPORT, tokenizer=Tokenizer.shipped())


def conflict(document: LexicalDocument, claim: str) -> Conflict | None:
    return find_conflict(document, claim, match(document, claim))


@pytest.mark.parametrize(
    ("claim", "claimed", "found"),
    [
        ("Commander Trenholme found 8 feet of water over the bar at low water of spring tides.", "8", "7"),
        # 9 feet is in the report, too, but of another place.
        ("Commander Trenholme found 9 feet of water over the bar at low water of ordinary spring tides.", "9", "7"),
        ("She cost £14,750 and raised 260 tons an hour.", "260", "280"),
        ("The raider laid 120 mines near the Anambas group.", "120", "one hundred and ten"),
        ("About 60 per cent of her cost was met by the Treasury.", "60 per cent", "40 per cent"),
        (
            "The port was closed on 7 December 1915 and was not reopened until 21 March 1916.",
            "21 March 1916",
            "21 February 1916",
        ),
        (
            "The hopper dredger Perseverance was built by Dowie and Rowe of Port Lorrick, delivered on 19 April 1902.",
            "Dowie",
            "Kessel",
        ),
        (
            "Captain Harcourt found 7 feet of water over the bar at low water of spring tides.",
            "Harcourt",
            "Commander Trenholme",
        ),
    ],
)
def test_a_value_that_differs_in_a_sentence_that_matches(
    report: LexicalDocument, claim: str, claimed: str, found: str
) -> None:
    result = conflict(report, claim)
    assert result is not None
    assert (result.claimed, result.found) == (claimed, found)
    assert found in report.sentences[result.sentence].of(REPORT)


@pytest.mark.parametrize(
    "claim",
    [
        "Commander Trenholme found 7 feet of water over the bar at low water of ordinary spring tides.",
        # Two sentences of the report in one of the claim.
        "In 1870 Commander Trenholme found 7 feet of water over the bar, and 9 feet on the Kettle Shoal.",
        # Another way to write it.
        "The raider laid 110 mines near the Anambas group.",
        "Trenholme found seven feet of water over the bar at low water of ordinary spring tides.",
        "The port was closed in December 1915 and was not reopened until February 1916.",
        "About 42 per cent of her cost was met by the Treasury.",
        # The rest does not match.
        "The borough planted 120 lime trees along the new promenade.",
        "The mines sank 5 ships near Singapore.",
        "",
    ],
)
def test_nothing_else_is_a_contradiction(report: LexicalDocument, claim: str) -> None:
    assert conflict(report, claim) is None


def test_a_name_is_not_contradicted_by_its_short_form_initials_or_adjective() -> None:
    text = "The Wennerdale Northern Assurance signed the loan with the harbour board in spring of that year."
    document = LexicalDocument(text, tokenizer=Tokenizer.shipped())
    for name in ("Wennerdale", "WNA", "Wennerdalian Assurance"):
        assert conflict(document, f"The {name} signed the loan with the harbour board in spring of that year.") is None
    other = conflict(
        document, "The Skarrow Savings Bank signed the loan with the harbour board in spring of that year."
    )
    assert other == Conflict("Skarrow Savings Bank", "Wennerdale Northern Assurance", 0)
