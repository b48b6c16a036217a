"""`lrstudio`: the window, or a verb of the command line."""

from __future__ import annotations

import sys

from lrstudio.cli import VERBS

_CLI_OPTIONS = ("--help", "-h", "--version")


def main() -> int:
    """Run a verb where the first word is one, else open the window on the project that is named, if any."""
    words = sys.argv[1:]
    if words and (words[0] in VERBS or words[0] in _CLI_OPTIONS):
        from lrstudio.cli.main import run

        return run(words)
    from lrstudio.qt.app import main as window

    return window(words)


if __name__ == "__main__":
    sys.exit(main())
