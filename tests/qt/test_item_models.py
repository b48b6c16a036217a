import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from lrstudio.domain.verdicts import Dimension, Support
from lrstudio.qt.models.part_table import FOCUS_ROLE, USES_ROLE, Column, PartTable
from lrstudio.qt.models.part_table import ROW_ROLE as PART_ROLE
from lrstudio.qt.models.question_tree import ROW_ROLE, QuestionTree
from lrstudio.viewstate.audit_list import DECIDED, ListView, list_rows
from lrstudio.viewstate.audit_parts import PartRow, Viewer, part_rows
from tests.doubles.records import make_decision, make_detail, make_questions

FATAL = QAbstractItemModelTester.FailureReportingMode.Fatal


def part_list(*decisions, dimension: Dimension = Dimension.FAITHFULNESS) -> tuple[PartRow, ...]:
    detail = make_detail(decisions=decisions)
    return part_rows("b", detail.standings[dimension], viewer=Viewer("ada"), decisions=detail.decisions)


@pytest.fixture
def tree(qtbot: QtBot) -> QuestionTree:
    model = QuestionTree()
    QAbstractItemModelTester(model, FATAL, model)
    return model


@pytest.fixture
def table(qtbot: QtBot) -> PartTable:
    model = PartTable()
    QAbstractItemModelTester(model, FATAL, model)
    return model


def test_questions_hold_their_candidates(tree: QuestionTree) -> None:
    assert tree.set_rows(list_rows(make_questions(), ListView()))
    assert tree.rowCount() == 3
    first = tree.index(0, 0)
    assert tree.rowCount(first) == 4
    candidate = tree.index(1, 0, first)
    assert candidate.data() == "B"
    assert tree.parent(candidate) == first
    assert tree.rowCount(candidate) == 0
    assert candidate.data(ROW_ROLE).candidate_id == "b"
    assert candidate.data(Qt.ItemDataRole.AccessibleTextRole) == "Candidate B, reward 6.4, llama-3.1"
    assert "faithfulness: 6.4" in candidate.data(Qt.ItemDataRole.ToolTipRole)
    assert not first.flags() & Qt.ItemFlag.ItemIsSelectable
    assert candidate.flags() & Qt.ItemFlag.ItemIsSelectable


def test_every_candidate_is_found(tree: QuestionTree) -> None:
    tree.set_rows(list_rows(make_questions(), ListView()))
    for candidate_id in "abcdefghi":
        assert tree.index_of(candidate_id).data(ROW_ROLE).candidate_id == candidate_id
    assert not tree.index_of("gone").isValid()
    assert tree.row_at(QModelIndex()) is None


def test_a_changed_row_is_the_only_one_announced(tree: QuestionTree, qtbot: QtBot) -> None:
    tree.set_rows(list_rows(make_questions(), ListView()))
    changed: list[str] = []
    tree.dataChanged.connect(lambda top, _bottom, _roles: changed.append(top.data(ROW_ROLE).candidate_id))
    assert not tree.set_rows(list_rows(make_questions(), ListView()))
    assert changed == []
    assert not tree.set_rows(list_rows(make_questions(), ListView(blind=True)))
    assert "b" in changed
    assert "d" not in changed


def test_other_rows_reset_the_tree(tree: QuestionTree) -> None:
    tree.set_rows(list_rows(make_questions(), ListView()))
    assert tree.set_rows(list_rows(make_questions(), ListView(keep=DECIDED)))
    assert tree.rowCount() == 1
    assert tree.set_rows(())
    assert tree.rowCount() == 0


def test_a_part_is_a_row_of_five_cells(table: PartTable) -> None:
    table.set_rows(part_list(make_decision("c1", Support.FULL)), focused="c2", passage=1)
    assert [table.headerData(it, Qt.Orientation.Horizontal) for it in Column] == [
        "#",
        "claim",
        "judge",
        "you",
        "evidence",
    ]
    cells = [table.index(1, column).data() for column in Column]
    assert cells[0] == "2"
    assert cells[1].startswith("The second, of 110 mines")
    assert cells[2:] == ["partial · .62", "undecided", "2 of 5"]
    assert table.index(0, Column.YOU).data() == "full"
    assert table.index(0, Column.EVIDENCE).data() == "5"
    assert [table.index(row, 0).data(FOCUS_ROLE) for row in range(3)] == [False, True, False]


def test_key_points_are_called_so(table: PartTable) -> None:
    table.set_rows(part_list(dimension=Dimension.COMPLETENESS), focused="k1", passage=0)
    assert table.headerData(Column.TEXT, Qt.Orientation.Horizontal) == "key point"


def test_moving_the_focus_announces_two_rows(table: PartTable) -> None:
    table.set_rows(part_list(), focused="c1", passage=0)
    changed: list[int] = []
    table.dataChanged.connect(lambda top, _bottom, _roles: changed.append(top.row()))
    table.set_rows(part_list(), focused="c3", passage=0)
    assert changed == [0, 2]


def test_a_decision_announces_its_row(table: PartTable) -> None:
    table.set_rows(part_list(), focused="c1", passage=0)
    changed: list[int] = []
    table.dataChanged.connect(lambda top, _bottom, _roles: changed.append(top.row()))
    table.set_rows(part_list(make_decision("c4", Support.FULL)), focused="c1", passage=0)
    assert changed == [3]


def test_the_users_of_a_passage_are_marked(table: PartTable) -> None:
    table.set_rows(part_list(), focused="c1", passage=0)
    table.set_users(frozenset({"c2", "c4"}))
    assert [table.index(row, 0).data(USES_ROLE) for row in range(6)] == [False, True, False, True, False, False]


def test_another_wording_is_passed_on_and_not_kept(table: PartTable, qtbot: QtBot) -> None:
    table.set_rows(part_list(), focused="c1", passage=0)
    index = table.index_of("c1")
    with qtbot.waitSignal(table.reworded) as heard:
        assert table.setData(index, "  Another wording. ")
    assert heard.args == ["c1", "Another wording."]
    assert index.data(PART_ROLE).text.startswith("The raider")
    assert not table.setData(index, index.data(Qt.ItemDataRole.EditRole))
    assert not table.setData(index, "   ")
    assert index.flags() & Qt.ItemFlag.ItemIsEditable
    assert not table.index(0, Column.JUDGE).flags() & Qt.ItemFlag.ItemIsEditable
