"""Judge runs from above in the window: counts that filter the list, judges side by side, coverage and spread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from PySide6.QtWidgets import QApplication

from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.views.dialogs.compare_dialog import CompareDialog
from lrstudio.qt.views.dialogs.run_summary import RunSummaryDialog
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.wiring import open_project
from tests.doubles.chat_server import Answer, ChatServer, Request, plausible
from tests.doubles.windows import REVIEWER, Driver, make_project

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")
D = TypeVar("D")
ASKED = (Dimension.HELPFULNESS, Dimension.FAITHFULNESS)
TEXTS = tuple(f"Answer {number}. The dredger was sold in 1903." for number in range(5))
CLAIM = "The dredger was sold in 1903."


def judge_by(path: Path, name: str, scores: Mapping[int, Any], supports: Mapping[int, str]) -> None:
    """Judge the candidates by a script; they count from 0."""
    project = open_project(path, reviewer=REVIEWER)
    ids = [it.candidate_id for it in project.audit.questions()[0].candidates]
    script = {
        "name": name,
        "scores": {ids[at]: {"helpfulness": score} for at, score in scores.items()},
        "claims": {ids[at]: [{"text": CLAIM, "support": support}] for at, support in supports.items()},
    }
    file = path.with_name(f"{name}.json")
    file.write_text(json.dumps(script))
    request = JudgeRequest("scripted", script=file, dimensions=ASKED)
    anyio.run(partial(project.judging.run, request, emit=lambda _: None))
    project.close()


def labels(driver: Driver) -> list[str]:
    return [row.label for group in driver.audit.view.list.groups for row in group.rows]


def active(driver: Driver, kind: type[D]) -> D:
    driver.until(lambda: isinstance(QApplication.activeWindow(), kind))
    found = QApplication.activeWindow()
    assert isinstance(found, kind)
    return found


def test_a_count_of_the_summary_shows_just_its_candidates(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None, answers=TEXTS)
    refused, cut = {"unscored": "refused"}, {"unscored": "truncated"}
    judge_by(path, "one", {0: 5, 1: refused, 2: cut, 3: refused, 4: 7}, dict.fromkeys(range(5), "full"))
    driver.show(path)
    driver.press_now("Ctrl+Shift+r")
    dialog = active(driver, RunSummaryDialog)
    driver.until(lambda: bool(dialog.counts))
    counts = {button.line.words: button for button in dialog.counts if "helpfulness" in button.line.keep.words}
    assert {words: button.line.count for words, button in counts.items()} == {
        "scored": 2,
        "unscored: the model refused": 2,
        "unscored: reply cut off": 1,
    }
    counts["unscored: the model refused"].setFocus()
    driver.key("Space")
    driver.until(lambda: labels(driver) == ["B", "D"])
    assert "refused" in driver.audit.view.list.keep_button.text()
    counts["unscored: reply cut off"].click()
    driver.until(lambda: labels(driver) == ["C"])
    assert not counts["unscored: the model refused"].isChecked()
    dialog.everything.click()
    driver.until(lambda: labels(driver) == list("ABCDE"))


def test_the_summary_comes_up_from_the_message_at_the_end_of_a_run(driver: Driver, tmp_path: Path) -> None:
    driver.show(make_project(tmp_path / "p.lrs", judge=None))
    driver.window.works.judging.start(JudgeRequest(judge="lexical"), name="lexical")
    driver.until(lambda: driver.window.banner.text == "lexical has judged: 8 judgments.")
    assert driver.window.banner.action_button.text() == "Summary"
    driver.window.banner.action_button.click()
    dialog = active(driver, RunSummaryDialog)
    driver.until(lambda: dialog.summary is not None)
    assert dialog.summary is not None
    assert dict(dialog.summary.facts)["judged"] == "2 candidates, 8 judgments"


def test_where_two_judges_differ_is_a_filter_of_the_list(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None, answers=TEXTS)
    judge_by(path, "one", {0: 5, 1: 9, 2: 6, 3: 4, 4: 7}, dict.fromkeys(range(5), "full"))
    judge_by(path, "two", {0: 5, 1: 4, 2: 5, 3: 4, 4: 7}, {**dict.fromkeys(range(5), "full"), 3: "contradicted"})
    driver.show(path)
    driver.press_now("Ctrl+j")
    dialog = active(driver, CompareDialog)
    driver.until(lambda: bool(dialog.rows))
    assert [row.label for row in dialog.rows] == ["D", "B"]
    assert dialog.count.text() == "2 of 5 candidates differ"
    dialog.filter.click()
    driver.until(lambda: labels(driver) == ["B", "D"])

    dialog.by_score.click()
    driver.until(lambda: labels(driver) == ["D"])
    assert [row.label for row in dialog.rows] == ["D"]
    dialog.only.click()
    driver.until(lambda: len(dialog.rows) == 5)
    dialog.filter.click()
    driver.until(lambda: labels(driver) == list("ABCDE"))


def test_scores_and_support_stand_side_by_side_and_enter_goes_to_the_candidate(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None, answers=TEXTS)
    judge_by(path, "one", dict.fromkeys(range(5), 5), dict.fromkeys(range(5), "full"))
    judge_by(path, "two", dict.fromkeys(range(5), 5), {**dict.fromkeys(range(5), "full"), 3: "partial"})
    driver.show(path)
    driver.press_now("Ctrl+j")
    dialog = active(driver, CompareDialog)
    driver.until(lambda: bool(dialog.claim_rows))
    assert [row.label for row in dialog.rows] == ["D"]
    (claim,) = dialog.claim_rows
    assert {chip.word for chip in claim.chips if chip} == {"full", "partial"}
    assert claim.differs
    assert {cell.scores[2] for cell in dialog.rows[0].cells} == {"10", "5"}
    dialog.candidates.setFocus()
    driver.key("Return")
    driver.until(lambda: driver.audit.detail is not None and driver.audit.detail.label == "D")


def test_one_judge_alone_has_nothing_to_differ_from(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None, answers=TEXTS)
    judge_by(path, "one", dict.fromkeys(range(5), 5), {})
    driver.show(path)
    driver.press_now("Ctrl+j")
    dialog = active(driver, CompareDialog)
    driver.until(lambda: bool(dialog.count.text()))
    entries = [it for it in dialog.choose.menu().actions() if it.isCheckable()]
    assert len(entries) == 2
    for entry in entries:
        if entry.isChecked():
            entry.trigger()
    driver.until(lambda: dialog.chosen == ())
    driver.until(lambda: dialog.count.text() == "0 of 0 candidates differ")
    assert "Run another judge" in dialog._nothing.text()


def test_blind_nobody_sees_judges_side_by_side(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs")
    driver.show(path)
    driver.press("b")
    driver.press_now("Ctrl+j")
    driver.until(lambda: driver.window.banner.text.startswith("Blind:"))
    assert not [it for it in QApplication.topLevelWidgets() if isinstance(it, CompareDialog) and it.isVisible()]
    driver.press("b")
    driver.press_now("Ctrl+j")
    dialog = active(driver, CompareDialog)
    gone: list[object] = []
    dialog.destroyed.connect(lambda *_: gone.append(1))
    driver.activate()
    driver.press("b")
    driver.until(lambda: bool(gone))


def test_coverage_and_the_spread_of_samples_stand_above_the_verdicts(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None)

    def wavering(request: Request) -> Answer:
        if request.call != "helpfulness":
            return plausible(request)
        return Answer(json.dumps({"analysis": "So so.", "score": 4 + request.number % 3}))

    with ChatServer(wavering) as server:
        project = open_project(path, reviewer=REVIEWER)
        request = JudgeRequest("http", base_url=server.base_url, model="m", samples=3, concurrency=1)
        anyio.run(partial(project.judging.run, request, emit=lambda _: None))
        project.close()
    driver.show(path)
    driver.window.actions_["dimension.completeness"].trigger()
    driver.settle()
    assert driver.audit.screen is not None
    assert "chunks read" in driver.audit.screen.coverage
    assert "attempt" in driver.audit.screen.coverage
    driver.window.actions_["dimension.helpfulness"].trigger()
    driver.settle()
    assert "3 samples: " in driver.audit.screen.coverage
    driver.press("b")
    assert "samples" not in driver.audit.screen.coverage, "the spread gives a score away"
