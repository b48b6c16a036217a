"""The handbook's page on the command line lists every verb and option, made from the verbs themselves.

`python tests/cli/test_command_line_page.py` writes the list anew; what stands above it is written by hand.
"""

import sys
from pathlib import Path

import typer

from lrstudio.cli.main import app

PAGE = Path(__file__).parents[2] / "resources" / "handbook" / "command-line.md"
_LIST = "## The verbs\n"
_LEFT_OUT = ("--help",)


def verbs() -> str:
    """Return the list: for each verb what it does, what it takes, and a table of its options."""
    lines = [_LIST]
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        arguments = [it for it in command.params if it.param_type_name == "argument"]
        options = [it for it in command.params if it.param_type_name == "option" and it.opts[0] not in _LEFT_OUT]
        taken = " ".join(["lrstudio", name, *(it.metavar or str(it.name).upper() for it in arguments)])
        lines += [f"### `{taken}`", "", str(command.help).partition("\n")[0], ""]
        lines += ["| option | means |", "|---|---|"]
        lines += [f"| {_words(it)} | {_cell(it.help or '')} |" for it in options]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _words(option: object) -> str:
    names = [*option.opts, *option.secondary_opts]  # type: ignore[attr-defined]
    value = f" {option.metavar}" if option.metavar else ""  # type: ignore[attr-defined]
    return ", ".join(f"`{name}{_cell(value)}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def page() -> str:
    head, mark, _ = PAGE.read_text(encoding="utf-8").partition(_LIST)
    assert mark, f"{PAGE.name} has no list of verbs"
    return head + verbs()


def test_the_page_lists_every_verb_and_option() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), f"run: python tests/cli/{Path(__file__).name}"


def test_what_needs_a_word_more_has_it() -> None:
    head = PAGE.read_text(encoding="utf-8").partition(_LIST)[0]
    for option in ("--take-over", "--run", "--json", "--yes", "--plan", "--spend-limit", "--serve"):
        assert f"`{option}" in head, option


if __name__ == "__main__":
    sys.stdout.write(f"{PAGE}\n")
    PAGE.write_text(page(), encoding="utf-8")
