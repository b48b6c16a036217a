"""Ties buttons to actions: one record says what a command is called, when it makes sense and which key it has."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from lrstudio.qt.actions import Actions, Group, key_text
from lrstudio.qt.views.buttons import Button


def bind(button: Button, action: QAction) -> None:
    """Let a button trigger an action, and be enabled, checked and explained as the action is."""
    button.setCheckable(action.isCheckable())
    # clicked, not toggled: the action answers with its own state
    button.clicked.connect(action.trigger)

    def follow() -> None:
        button.setEnabled(action.isEnabled())
        if action.isCheckable():
            button.setChecked(action.isChecked())
        keys = ", ".join(key_text(key.toString()) for key in action.shortcuts())
        button.setToolTip(f"{action.text()} ({keys})" if keys else action.text())

    action.changed.connect(follow)
    follow()
    if not button.accessibleName():
        button.setAccessibleName(action.text().rstrip("…"))


def fill_menu(menu: QMenu, actions: Actions) -> None:
    """Put every listed command into a menu, one submenu a group."""
    for group in Group:
        submenu = menu.addMenu(group.value)
        submenu.addActions(actions.listed(group))
