"""The handbook's keyboard page is made from the commands, so it cannot say what the window does not do.

`python tests/qt/test_keyboard_page.py` writes it anew.
"""

import sys
from pathlib import Path

from lrstudio.qt.actions import COMMANDS, Group

PAGE = Path(__file__).parents[2] / "resources" / "handbook" / "keyboard.md"
_WORDS = {"Return": "Enter"}


def page() -> str:
    lines = ["# Keyboard", "", "Everything can be done without a mouse. `?` shows this list in the window."]
    for group in Group:
        rows = [command for command in COMMANDS if command.group is group and command.shortcuts and command.listed]
        if rows:
            lines += ["", f"## {group.value}", "", "| key | does |", "|---|---|"]
            lines += [f"| {_keys(command.shortcuts)} | {command.text.rstrip('…')} |" for command in rows]
    return "\n".join(lines) + "\n"


def _keys(shortcuts: tuple[str, ...]) -> str:
    shown = dict.fromkeys(_WORDS.get(keys, keys) for keys in shortcuts)
    return " or ".join(f"`{keys}`" for keys in shown)


def test_the_keyboard_page_lists_every_shortcut() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), f"run: python {Path(__file__).name}"


if __name__ == "__main__":
    sys.stdout.write(f"{PAGE}\n")
    PAGE.write_text(page(), encoding="utf-8")
