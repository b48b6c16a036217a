from dataclasses import replace

import pytest

from lrstudio.domain.decisions import Act, Target
from lrstudio.domain.summaries import DocumentInfo
from lrstudio.domain.text import PlaceKind, Source, SourceMap, Span
from lrstudio.domain.verdicts import Coverage, Dimension, JudgeIdentity, Reason, State, Support
from lrstudio.viewstate.audit import rows_by_dimension
from lrstudio.viewstate.audit_headers import (
    CandidateHeader,
    candidate_header,
    coverage_line,
    document_header,
    judge_description,
    judge_label,
    judge_labels,
    place_text,
    score_card,
    tabs,
)
from lrstudio.viewstate.audit_parts import Viewer
from tests.doubles.records import IDENTITY, REVIEWER, RUN, make_decision, make_detail, make_judgments

SEEING = Viewer(REVIEWER)
BLIND = Viewer(REVIEWER, blind=True)
FAITH, HELP, LOGIC = Dimension.FAITHFULNESS, Dimension.HELPFULNESS, Dimension.LOGICALITY


def header(*decisions, viewer: Viewer = SEEING) -> CandidateHeader:
    detail = make_detail(decisions=decisions)
    return candidate_header(detail, FAITH, viewer=viewer, rows=rows_by_dimension(detail, viewer))


def test_the_candidates_header() -> None:
    shown = header()
    assert shown.title == "Candidate B"
    assert shown.facts.startswith("llama-3.1-8b · ")
    assert shown.facts.endswith(" characters")
    assert [(chip.dimension.letter, chip.score) for chip in shown.chips] == [
        ("H", "?"),
        ("L", "9"),
        ("F", "5"),
        ("C", "5"),
    ]
    assert shown.reward == "6.3"
    assert [chip.dimension for chip in shown.chips if chip.selected] == [FAITH]


def test_an_unscored_chip_says_why() -> None:
    assert header().chips[0].tooltip == "Helpfulness: unreadable reply"


def test_a_decision_changes_chip_and_reward() -> None:
    shown = header(make_decision("c4", Support.FULL))
    chip = next(chip for chip in shown.chips if chip.dimension is FAITH)
    assert (chip.score, chip.decided) == ("7", True)
    assert chip.tooltip == "Faithfulness: 7.00, as decided"
    assert shown.reward == "7.0"


def test_nothing_scored_no_reward() -> None:
    detail = make_detail(judgments={})
    shown = candidate_header(detail, FAITH, viewer=SEEING, rows={})
    assert shown.reward == "–"
    assert [chip.score for chip in shown.chips] == ["–"] * 4


def test_blind_one_open_claim_hides_the_mean_of_all() -> None:
    five = [make_decision(f"c{n}", Support.FULL, number=n) for n in range(1, 6)]
    assert {chip.score for chip in header(*five, viewer=BLIND).chips} == {"·"}
    six = [*five, make_decision("c6", None, number=6)]
    shown = header(*six, viewer=BLIND)
    assert next(chip.score for chip in shown.chips if chip.dimension is FAITH) == "10"
    assert shown.reward == "·"


def test_the_tabs_count_what_is_decided() -> None:
    detail = make_detail(decisions=[make_decision("c1", Support.FULL)])
    shown = tabs(FAITH, detail.standings, rows_by_dimension(detail, SEEING))
    assert [(tab.title, tab.count) for tab in shown] == [
        ("Faithfulness", "1/6 decided"),
        ("Completeness", "0/2 decided"),
        ("Helpfulness", ""),
        ("Logicality", ""),
    ]
    assert [tab.selected for tab in shown] == [True, False, False, False]


def test_a_score_that_was_given_is_counted() -> None:
    detail = make_detail(decisions=[make_decision("", None, dimension=HELP, score=7.0)])
    assert tabs(HELP, detail.standings, {})[2].count == "decided"


def test_the_card_of_a_score() -> None:
    card = score_card(make_detail(), LOGIC, viewer=SEEING)
    assert (card.score, card.judged, card.yours) == ("9", True, "")
    assert card.explanation == "The second sentence follows from the first."
    assert card.target == Target("b", LOGIC)


def test_the_card_of_an_unscored_dimension_says_why() -> None:
    card = score_card(make_detail(), HELP, viewer=SEEING)
    assert (card.score, card.judged) == ("?", False)
    assert card.explanation == "Unscored: unreadable reply."
    bare = score_card(make_detail(judgments={}), HELP, viewer=SEEING)
    assert bare.score == "–"


def test_the_card_of_a_decided_score() -> None:
    detail = make_detail(
        decisions=[make_decision("", None, dimension=LOGIC, score=6.5, reason="a gap", act=Act.OVERRIDE)]
    )
    card = score_card(detail, LOGIC, viewer=SEEING)
    assert (card.score, card.yours, card.decided) == ("9", "6.5", True)
    assert card.tooltip == "ada on 2026-11-20: a gap"


def test_blind_the_card_shows_nothing_of_the_judges() -> None:
    card = score_card(make_detail(), LOGIC, viewer=BLIND)
    assert card.hidden
    assert card.score == "·"
    assert "follows" not in card.explanation
    same = score_card(make_detail(), HELP, viewer=BLIND)
    assert (same.score, same.explanation, same.yours) == (card.score, card.explanation, card.yours)
    committed = make_detail(decisions=[make_decision("", None, dimension=LOGIC, score=3.0, blind=True)])
    assert score_card(committed, LOGIC, viewer=BLIND).score == "9"


def test_the_documents_header() -> None:
    detail = make_detail()
    row = rows_by_dimension(detail, SEEING)[FAITH][1]
    shown = document_header(detail.document, row, passage=1)
    assert shown.title == "Harbour report"
    assert "pp. 86–88" in shown.facts
    assert shown.place == "evidence 2 of 5 · p. 88"
    assert document_header(detail.document, None, passage=0).place == ""


def test_a_question_without_document_says_so() -> None:
    assert document_header(None, None, passage=0).title == "No document"


def test_a_document_without_text_says_so() -> None:
    info = DocumentInfo("d", "", None, None)
    shown = document_header(info, None, passage=0)
    assert (shown.title, shown.facts) == ("d", "its text is not imported")


@pytest.mark.parametrize(
    ("kind", "place", "said"),
    [
        (PlaceKind.PAGE, "87", "p. 87"),
        (PlaceKind.LINE, "1200", "line 1,200"),
        (PlaceKind.PART, "chapter-3.xhtml", "chapter-3.xhtml"),
        (PlaceKind.BYTE, "4096", ""),
    ],
)
def test_a_place_in_the_file(kind: PlaceKind, place: str, said: str) -> None:
    info = DocumentInfo("d", "D", 10, Source("f", "x", map=SourceMap(kind, (0,), (place,))))
    assert place_text(info, Span(3, 4)) == said
    assert place_text(replace(info, source=None), Span(3, 4)) == ""


def test_what_the_verdicts_rest_on() -> None:
    detail = make_detail()
    assert coverage_line(detail.standings[FAITH], RUN) == "glm-4 · 12/12 chunks read · 1 attempt"
    assert coverage_line(detail.standings[HELP], RUN) == "glm-4 · unscored: unreadable reply"
    judgments = make_judgments()
    cut = replace(judgments[FAITH], coverage=Coverage(1000, 1004, 12_300, 2))
    line = coverage_line(make_detail(judgments={FAITH: cut}).standings[FAITH], None)
    assert line == "1,000/1,004 chunks read · 12,300 tokens cut · 2 attempts"
    assert coverage_line(make_detail(judgments={}).standings[FAITH], None) == "not judged yet"


def test_judges_are_named_apart() -> None:
    other = replace(IDENTITY, prompt_pack="99aa00bb")
    lexical = JudgeIdentity("lexical", model="lexical-78bb307e")
    assert judge_label(IDENTITY) == "glm-4"
    assert judge_label(lexical) == "lexical"
    assert judge_labels([IDENTITY, lexical]) == ("glm-4", "lexical")
    assert judge_labels([IDENTITY, other]) == ("glm-4 · 4f2a11", "glm-4 · 99aa00")
    assert judge_labels([lexical, replace(lexical, parameters='{"a": 1}')]) == ("lexical", "lexical (2)")


def test_a_judge_is_described_by_everything_that_changes_a_verdict() -> None:
    assert judge_description(IDENTITY).splitlines() == [
        "judge: http",
        "model: glm-4",
        "prompt pack: 4f2a11c09b",
        "tokenizer: lrstudio-bpe",
    ]
    assert "parameters" in judge_description(replace(IDENTITY, parameters='{"temperature": 0}'))


def test_a_reason_reads_as_words() -> None:
    state = replace(make_judgments()[FAITH], state=State.UNSCORED, score=None, reason=Reason.TOO_FEW_DECIDED)
    detail = make_detail(judgments={FAITH: state})
    assert "unscored: too few claims decided" in coverage_line(detail.standings[FAITH], RUN)
