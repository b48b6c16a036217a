from collections import Counter

import pytest
from PySide6.QtGui import QKeySequence
from pytestqt.qtbot import QtBot

from lrstudio.qt.actions import COMMANDS, Actions, Command, Group, clashes, enabled, key_text, sheet
from lrstudio.text.resources import resource
from lrstudio.viewstate.facts import Fact


def test_every_command_has_an_id_of_its_own() -> None:
    assert [name for name, count in Counter(it.id for it in COMMANDS).items() if count > 1] == []
    assert [text for text, count in Counter(it.text for it in COMMANDS).items() if count > 1] == []


def test_no_key_means_two_things_at_a_time() -> None:
    assert clashes(COMMANDS) == []


def test_a_clash_would_be_found() -> None:
    one = Command("a", "A", Group.VIEW, ("X",))
    other = Command("b", "B", Group.GO, ("Ctrl+X", "X"), when=frozenset({Fact.PART}))
    apart = Command("c", "C", Group.GO, ("X",), when=frozenset({Fact.SCORE}))
    assert clashes([one, other]) == [("a", "b", "X")]
    assert clashes([other, apart]) == []


def test_every_shortcut_is_a_key_sequence_qt_knows() -> None:
    for command in COMMANDS:
        for key in command.shortcuts:
            assert not QKeySequence(key).isEmpty(), key
            assert QKeySequence(key).toString() == key or key in ("Ctrl++", "Ctrl+=", "Ctrl+-"), key


def test_every_icon_exists() -> None:
    for command in COMMANDS:
        if command.icon:
            assert resource("icons", f"{command.icon}.svg").exists(), command.icon


@pytest.mark.parametrize(
    "key", ["1", "2", "3", "C", "F", "0", "Return", "J", "K", "N", "P", "[", "]", "U", "Shift+U", "R", "B", "?", "V"]
)
def test_the_keys_of_the_handbook_are_taken(key: str) -> None:
    assert any(key in command.shortcuts for command in COMMANDS)


def test_actions_follow_the_facts(qtbot: QtBot) -> None:
    actions = Actions()
    assert not actions["verdict.full"].isEnabled()
    assert actions["project.open"].isEnabled()
    actions.set_facts(frozenset({Fact.PART, Fact.COMMIT}))
    assert actions["verdict.full"].isEnabled()
    assert not actions["verdict.contradicted"].isEnabled()
    assert not actions["score.7"].isEnabled()
    heard: list[str] = []
    actions.triggered.connect(heard.append)
    actions["verdict.full"].trigger()
    assert heard == ["verdict.full"]
    actions.deleteLater()


def test_every_listed_command_is_in_one_menu(qtbot: QtBot) -> None:
    actions = Actions()
    in_menus = [action.objectName() for group in Group for action in actions.listed(group)]
    assert sorted(in_menus) == sorted(it.id for it in COMMANDS if it.listed)
    actions.deleteLater()


def test_the_sheet_names_every_listed_shortcut() -> None:
    rows = [row for _, rows in sheet() for row in rows]
    keys = {key for _, row_keys in rows for key in row_keys}
    assert {key_text(key) for it in COMMANDS if it.listed for key in it.shortcuts} <= keys
    assert any("score" in text for text, _ in rows)


@pytest.mark.parametrize(
    ("key", "text"), [("J", "j"), ("Return", "↵"), ("Enter", "↵"), ("1", "1"), ("Ctrl+Z", "Ctrl+Z")]
)
def test_a_key_is_written_as_it_is_pressed(key: str, text: str) -> None:
    assert key_text(key) == text


def test_enabling_needs_every_condition() -> None:
    command = Command("a", "A", Group.VIEW, when=frozenset({Fact.PROJECT, Fact.PART}))
    assert not enabled(command, frozenset({Fact.PROJECT}))
    assert enabled(command, frozenset({Fact.PROJECT, Fact.PART, Fact.CALL}))
