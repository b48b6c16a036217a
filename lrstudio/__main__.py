"""`lrstudio`: the window, or a verb of the command line."""

from __future__ import annotations

import os
import sys

from lrstudio.cli import VERBS

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
_CLI_OPTIONS = ("--help", "-h", "--version")


def main() -> int:
    """Run a verb where the first word is one, else open the window on the project that is named, if any."""
    words = sys.argv[1:]
    if words and (words[0] in VERBS or words[0] in _CLI_OPTIONS):
        from lrstudio.cli.main import run

        return run(words)
    if sys.platform == "linux" and not any(os.environ.get(name) for name in _DISPLAYS):
        sys.stderr.write(
            "lrstudio: there is no display to open the window on; `lrstudio tour` shows the studio without one, "
            "and `lrstudio --help` lists what it does on the command line\n"
        )
        return 1
    from lrstudio.qt.app import main as window

    return window(words)


if __name__ == "__main__":
    sys.exit(main())
