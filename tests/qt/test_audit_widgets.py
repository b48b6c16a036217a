"""Widgets of the Audit workspace by themselves, over hand-made records."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from lrstudio.domain.verdicts import Dimension, Support, SupportReason
from lrstudio.qt.actions import Actions
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.audit_panes import AuditPanes
from lrstudio.qt.views.banner import Banner
from lrstudio.qt.views.chrome import Words
from lrstudio.qt.views.decision_bar import DecisionBar
from lrstudio.qt.views.marks import ELSEWHERE, gutter_labels, text_marks
from lrstudio.qt.views.question_list import QuestionList
from lrstudio.qt.views.text_marks import MarkStyle
from lrstudio.viewstate.audit import Choice, Focus, plan, screen
from lrstudio.viewstate.audit_list import DECIDED, ListView, arrange
from lrstudio.viewstate.audit_parts import Viewer
from lrstudio.viewstate.facts import Fact
from tests.doubles.records import make_decision, make_detail, make_questions

SEEING = Viewer("ada")


@pytest.fixture
def actions(qtbot: QtBot) -> Iterator[Actions]:
    made = Actions()
    made.set_facts(frozenset(Fact))
    yield made
    made.deleteLater()


@pytest.fixture
def questions(switch: ThemeSwitch, qtbot: QtBot) -> QuestionList:
    widget = QuestionList(switch)
    qtbot.addWidget(widget)
    widget.view_changed.connect(lambda view: widget.show_list(arrange(make_questions(), view)))
    widget.show_list(arrange(make_questions(), ListView()))
    widget.resize(280, 700)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def listed(widget: QuestionList) -> list[str]:
    return [row.candidate_id for group in widget.groups for row in group.rows]


# ---- list


def test_down_and_up_go_from_candidate_to_candidate(questions: QuestionList, qtbot: QtBot) -> None:
    picked: list[str] = []
    questions.picked.connect(picked.append)
    questions.set_current("c")
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Up):
        qtbot.keyClick(questions.tree, key)
    assert picked == ["d", "e", "f", "e", "d"]


def test_showing_a_candidate_does_not_pick_it_again(questions: QuestionList) -> None:
    picked: list[str] = []
    questions.picked.connect(picked.append)
    questions.set_current("f")
    assert picked == []
    assert questions.step(1) == "g"


def test_what_was_folded_stays_folded(questions: QuestionList) -> None:
    questions.tree.collapse(questions._model.index(0, 0))
    questions.set_view(ListView(keep=DECIDED))
    questions.set_view(ListView())
    assert not questions.tree.isExpanded(questions._model.index(0, 0))
    assert questions.tree.isExpanded(questions._model.index(1, 0))


def test_the_filter_waits_for_a_pause_in_typing(questions: QuestionList, qtbot: QtBot) -> None:
    wished: list[ListView] = []
    questions.view_changed.connect(wished.append)
    qtbot.keyClicks(questions.field, "llama")
    qtbot.waitUntil(lambda: listed(questions) == ["b"])
    assert [view.text for view in wished] == ["llama"]


def test_an_arrangement_for_an_older_wish_is_passed_over(questions: QuestionList) -> None:
    old = arrange(make_questions(), ListView())
    questions.set_view(ListView(keep=DECIDED))
    questions.show_list(old)
    assert listed(questions) == ["e", "f"]


def test_menus_filter_and_sort(questions: QuestionList) -> None:
    by_text = {action.text(): action for action in questions.order_button.menu().actions()}
    by_text["Disagreement, largest first"].trigger()
    assert listed(questions)[0] == "b"
    kept = {action.text(): action for action in questions.keep_button.menu().actions()}
    kept["Unscored: unreadable reply"].trigger()
    assert listed(questions) == ["g"]
    assert questions.keep_button.accessibleName() == "Shown: Unscored: unreadable reply"


def test_nothing_left_says_so(questions: QuestionList, qtbot: QtBot) -> None:
    qtbot.keyClicks(questions.field, "nowhere")
    qtbot.waitUntil(questions._nothing.isVisible)


# ---- marks


def test_marks_are_styled_by_the_sign_and_faint_without_one() -> None:
    seen = screen(make_detail(decisions=[make_decision("c1", Support.FULL)]), Focus(part_id="c2"), viewer=SEEING)
    styles = [(mark.style, mark.focused, mark.decided) for mark in text_marks(seen.candidate_marks)]
    assert styles[:5] == [
        (MarkStyle.FULL, False, True),
        (MarkStyle.PARTIAL, True, False),
        (MarkStyle.FULL, False, False),
        (MarkStyle.CONTRADICTED, False, False),
        (MarkStyle.NOT_FOUND, False, False),
    ]
    hidden = screen(make_detail(), Focus(part_id="c2"), viewer=Viewer("ada", blind=True))
    assert {(mark.style, mark.decided) for mark in text_marks(hidden.candidate_marks)} == {(MarkStyle.UNCHECKED, True)}


def test_blind_the_evidence_has_no_tone() -> None:
    seen = screen(make_detail(), Focus(part_id="c2"), viewer=SEEING)
    hidden = screen(make_detail(), Focus(part_id="c2"), viewer=Viewer("ada", blind=True))
    assert {mark.tone for mark in text_marks(seen.document_marks)} == {MarkStyle.PARTIAL}
    assert {mark.tone for mark in text_marks(hidden.document_marks)} == {None}


def test_ranks_stand_in_the_gutter() -> None:
    now = screen(make_detail(), Focus(part_id="c2"), viewer=SEEING)
    assert sorted(label.text for label in gutter_labels(now.document_marks)) == ["1", "2", "3", "4", "5"]
    assert [label.text for label in gutter_labels(now.candidate_marks)] == ["2"]


def test_passages_of_other_parts_are_faint() -> None:
    now = screen(make_detail(), Focus(dimension=Dimension.COMPLETENESS, part_id="k1"), viewer=SEEING)
    groups = {mark.group: mark.style for mark in text_marks(now.document_marks)}
    assert groups == {"0": MarkStyle.EVIDENCE, ELSEWHERE: MarkStyle.UNCHECKED}


# ---- decision bar


@pytest.fixture
def bar(switch: ThemeSwitch, actions: Actions, qtbot: QtBot) -> DecisionBar:
    widget = DecisionBar(switch, actions)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def shown(bar: DecisionBar) -> set[str]:
    return {name.removeprefix("verdict.") for name, button in bar._buttons.items() if button.isVisible()}


def test_the_reasons_of_none_show_when_none_is_chosen(bar: DecisionBar) -> None:
    now = screen(make_detail(), Focus(part_id="c2"), viewer=SEEING)
    bar.show_plan(plan(now, None), None, scores=False)
    assert shown(bar) == {"full", "partial", "none", "not_checkable"}
    chosen = Choice(Support.NONE, SupportReason.CONTRADICTED)
    bar.show_plan(plan(now, chosen), chosen, scores=False)
    assert shown(bar) == {"full", "partial", "none", "contradicted", "not_found", "not_checkable"}
    assert [name for name, button in bar._buttons.items() if button.isChecked()] == [
        "verdict.none",
        "verdict.contradicted",
    ]
    assert bar.commit.text() == "Commit"


def test_a_score_dimension_shows_a_field_instead(bar: DecisionBar) -> None:
    now = screen(make_detail(), Focus(dimension=Dimension.LOGICALITY), viewer=SEEING)
    bar.show_plan(plan(now, None), None, scores=True)
    assert shown(bar) == set()
    assert bar.score.isVisible()


def test_a_refusal_is_shown_for_a_while_and_gone_with_the_next_command(bar: DecisionBar) -> None:
    bar.refuse("not like this")
    now = screen(make_detail(), Focus(part_id="c2"), viewer=SEEING)
    bar.show_plan(plan(now, None), None, scores=False)
    assert bar.message() == "not like this"
    bar.calm()
    assert bar.message().startswith("Confirms partial")


# ---- panes


def test_the_panes_show_a_screen_in_both_themes(
    switch: ThemeSwitch, actions: Actions, icons: object, qtbot: QtBot
) -> None:
    from lrstudio.viewstate.display_text import DisplayText
    from tests.doubles.records import ANSWER, DOCUMENT

    panes = AuditPanes(switch, icons, actions)
    qtbot.addWidget(panes)
    panes.resize(1000, 760)
    panes.reset_layout(1000, 760)
    panes.candidate.show_text(DisplayText.build(ANSWER))
    panes.document.show_text(DisplayText.build(DOCUMENT))
    panes.show_screen(screen(make_detail(), Focus(part_id="c2"), viewer=SEEING), reveal=True)
    panes.show()
    light = panes.grab().toImage()
    switch.use("dark")
    dark = panes.grab().toImage()
    switch.use("light")
    assert light != dark
    assert len({light.pixel(x, y) for x in range(0, 1000, 3) for y in range(0, 760, 3)}) > 50


# ---- the small parts


def test_a_banner_is_acted_upon_once(switch: ThemeSwitch, qtbot: QtBot) -> None:
    banner = Banner(switch)
    qtbot.addWidget(banner)
    done: list[int] = []
    assert banner.text == ""
    banner.trouble("the disk is full", retry=lambda: done.append(1))
    assert banner.text == "the disk is full"
    banner.action_button.click()
    assert done == [1]
    assert banner.text == ""
    banner.tell("Imported 3 candidates.")
    assert not banner.action_button.isVisibleTo(banner)


@pytest.mark.qt_log_ignore("does not support raise")
def test_words_that_are_cut_have_the_whole_as_tooltip(qtbot: QtBot) -> None:
    from PySide6.QtCore import QEvent, QPoint
    from PySide6.QtGui import QHelpEvent
    from PySide6.QtWidgets import QApplication, QToolTip

    home = QWidget()
    qtbot.addWidget(home)
    words = Words("a sentence that is much longer than the room it is given", parent=home)
    words.resize(60, 20)
    QApplication.sendEvent(words, QHelpEvent(QEvent.Type.ToolTip, QPoint(1, 1), QPoint(1, 1)))
    assert QToolTip.text() == words.text()
    QToolTip.hideText()
