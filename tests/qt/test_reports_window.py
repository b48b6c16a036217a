"""The window of reports over a real project: what it shows is what the service says, and its files are whole."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from lrstudio.domain.changes import Changes
from lrstudio.domain.reports import By, JudgeName
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.reports_desk import EVERYTHING, PNG, SVG, TABLE, ReportsDesk
from lrstudio.qt.views.reports_window import ReportsWindow
from lrstudio.services.report_rows import report_rows
from lrstudio.services.wiring import Project, create_project
from lrstudio.viewstate.report_plots import Cells
from lrstudio.viewstate.reports import CANCELLED, LEADERBOARD, LENGTH_BIAS, STALE

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")

LABELLED = Path(__file__).resolve().parents[1] / "data" / "labelled"
CLAUDE = JudgeName("recorded", "claude", "")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = create_project(tmp_path / "p.lrs", reviewer="ann")
    yield made
    made.close()


@pytest.fixture
def operations() -> Iterator[Operations]:
    made = Operations()
    reports: list[str] = []
    made.crashed.connect(lambda it: reports.append(it.text))
    yield made
    made.close()
    assert reports == []


@pytest.fixture
def desk(project: Project, operations: Operations, switch: ThemeSwitch, qtbot: QtBot) -> Iterator[ReportsDesk]:
    window = QWidget()
    window.resize(1280, 800)
    qtbot.addWidget(window)
    made = ReportsDesk(window, operations, switch)
    made.use(project)
    yield made
    if made.window is not None:
        made.window.close()
    qtbot.waitUntil(lambda: not operations.is_busy)


def shown(desk: ReportsDesk, operations: Operations, qtbot: QtBot) -> ReportsWindow:
    desk.show()
    settled(operations, qtbot)
    assert desk.window is not None
    return desk.window


def settled(operations: Operations, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not operations.is_busy, timeout=30_000)


def with_judges(project: Project) -> None:
    assert project.imports.import_paths([LABELLED / "nocha.jsonl"]).errors == ()


def test_the_figures_on_the_screen_are_the_service_s(
    desk: ReportsDesk, project: Project, operations: Operations, qtbot: QtBot
) -> None:
    with_judges(project)
    window = shown(desk, operations, qtbot)
    report = project.reports.agreement()
    assert window.report == report
    section = window.section
    assert section == report.sections[0]
    model = window.table.table
    assert [model.index(row, 0).data() for row in range(model.rowCount())] == [it.title for it in section.figures]
    assert model.index(0, 3).data() == str(section.figures[0].n)
    assert section.figures[0].sentence
    assert section.figures[0].sentence in window.reasons.text()
    for share in section.shares:
        assert f"{share.count} of {share.of}" in window.counts.text()
    plot = window.shown_plot
    assert isinstance(plot, Cells)
    assert plot.counts == tuple(row[1:] for row in section.tables[0].rows)


def test_a_judge_and_a_slice_are_chosen(
    desk: ReportsDesk, project: Project, operations: Operations, qtbot: QtBot
) -> None:
    with_judges(project)
    window = shown(desk, operations, qtbot)
    assert CLAUDE in [window.judge.itemData(at) for at in range(window.judge.count())]
    window.judge.setCurrentIndex([window.judge.itemText(at) for at in range(window.judge.count())].index("claude"))
    window.by.setCurrentIndex(window.by.findText("kind of claim"))
    settled(operations, qtbot)
    assert window.report == project.reports.agreement(judge=CLAUDE, by=By.CLAIM_KIND)
    judge = window.sections.topLevelItem(0)
    assert judge is not None
    assert judge.text(0) == "claude"
    whole = judge.child(0)
    assert whole is window.sections.currentItem()
    assert whole.childCount() > 1
    assert window.shown_plot is not None
    assert window.shown_plot.key == "parts"


def test_other_reports(desk: ReportsDesk, project: Project, operations: Operations, qtbot: QtBot) -> None:
    project.imports.import_paths([LABELLED / "squality.jsonl"])
    window = shown(desk, operations, qtbot)
    window.kind.select(LENGTH_BIAS)
    settled(operations, qtbot)
    assert window.report == project.reports.length_bias()
    assert [it.key for it in window.plots][:1] == ["mitigations"]
    window.kind.select(LEADERBOARD)
    settled(operations, qtbot)
    assert window.report == project.reports.leaderboard()


def test_the_keyboard_copies_a_table(desk: ReportsDesk, project: Project, operations: Operations, qtbot: QtBot) -> None:
    with_judges(project)
    window = shown(desk, operations, qtbot)
    window.table_tabs.setCurrentIndex(1)
    grid = window.shown_grid
    assert grid is not None
    window.activateWindow()
    window.table.setFocus()
    qtbot.keyClick(window.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().split("\n")
    assert [tuple(line.split("\t")) for line in lines] == [grid.columns, *grid.rows]
    window.table.selectRow(1)
    qtbot.keyClick(window.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().split("\n")[1:] == ["\t".join(grid.rows[1])]


def test_files_are_written_whole(
    desk: ReportsDesk, project: Project, operations: Operations, qtbot: QtBot, tmp_path: Path
) -> None:
    with_judges(project)
    window = shown(desk, operations, qtbot)
    size = window.plot.size() * 2
    for name, what in (("a", PNG), ("b", SVG), ("c", TABLE), ("d", EVERYTHING)):
        desk.export(tmp_path / name, what)
    settled(operations, qtbot)
    image = QImage(str(tmp_path / "a.png"))
    assert image.size() == size
    assert len({image.pixel(x, image.height() // 2) for x in range(0, image.width(), 3)}) > 3
    root = ElementTree.parse(tmp_path / "b.svg").getroot()
    texts = {"".join(it.itertext()).strip() for it in root.iter() if it.tag.endswith("text")}
    assert {"none", "full", "undecided", "the judge says"} <= texts
    grid = window.shown_grid
    assert grid is not None
    assert window.report is not None
    with (tmp_path / "c.csv").open(encoding="utf-8", newline="") as file:
        assert [tuple(row) for row in csv.reader(file)] == [grid.columns, *grid.rows]
    with (tmp_path / "d.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == 1 + len(list(report_rows(window.report)))


def test_a_file_that_cannot_be_written_is_said_beside_the_report(
    desk: ReportsDesk, project: Project, operations: Operations, qtbot: QtBot, tmp_path: Path
) -> None:
    with_judges(project)
    window = shown(desk, operations, qtbot)
    folder = tmp_path / "there.csv"
    folder.mkdir()
    desk.export(folder, TABLE)
    settled(operations, qtbot)
    assert "there.csv" in window.banner.text


def test_the_file_dialog_looks_into_no_file(
    desk: ReportsDesk, project: Project, operations: Operations, qtbot: QtBot
) -> None:
    with_judges(project)
    window = shown(desk, operations, qtbot)
    qtbot.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    (dialog,) = window.findChildren(QFileDialog)
    assert dialog.testOption(QFileDialog.Option.DontUseNativeDialog)
    assert dialog.iconProvider() is desk._kinds
    assert dialog.nameFilters() == [PNG, SVG, TABLE, EVERYTHING]
    dialog.close()


def test_changes_make_it_stale_and_one_press_mends_it(
    desk: ReportsDesk, project: Project, operations: Operations, qtbot: QtBot
) -> None:
    with_judges(project)
    window = shown(desk, operations, qtbot)
    before = window.report
    operations.changed.emit(Changes(marks=frozenset({"x"})), None)
    assert not window.banner.isVisible()
    operations.changed.emit(Changes(decisions=frozenset({"x"})), None)
    assert window.banner.text == STALE
    window.ask()
    settled(operations, qtbot)
    assert not window.banner.isVisible()
    assert window.report is not before


def test_cancelling_ends_it_and_the_window_goes_on(
    desk: ReportsDesk, project: Project, operations: Operations, qtbot: QtBot
) -> None:
    with_judges(project)
    window = shown(desk, operations, qtbot)
    before = window.report
    window.kind.select(LEADERBOARD)
    assert window.cancel.isVisible()
    window.cancel.click()
    settled(operations, qtbot)
    assert window.report is before
    assert window.banner.text == CANCELLED
    assert window.compute.isVisible()
    window.compute.click()
    settled(operations, qtbot)
    assert window.report is not None
    assert window.report.kind == LEADERBOARD


def test_an_empty_project_is_told_what_to_do_next(
    desk: ReportsDesk, project: Project, operations: Operations, qtbot: QtBot
) -> None:
    window = shown(desk, operations, qtbot)
    assert window.empty.isVisible()
    assert "Judge some candidates" in window.empty.text()
    assert not window.export.isEnabled()


def test_a_theme_changes_the_plot(
    desk: ReportsDesk, project: Project, operations: Operations, switch: ThemeSwitch, qtbot: QtBot
) -> None:
    with_judges(project)
    window = shown(desk, operations, qtbot)
    light = window.plot.png()
    switch.use("dark")
    assert window.plot.backgroundBrush().color() == switch.theme.color("panel")
    assert window.plot.png() != light
