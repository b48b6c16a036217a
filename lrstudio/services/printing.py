"""Prints a page to PDF in a child process: Qt stays out of the services, and a long page holds up no window."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from lrstudio.domain.errors import Environment

_SECONDS = 120


def print_page(html: bytes, out: Path) -> None:
    """Write a PDF of an HTML page.

    Raises:
        Environment: it could not be made or written.
    """
    with tempfile.TemporaryDirectory(prefix="lrstudio-") as folder:
        page = Path(folder, "page.html")
        page.write_bytes(html)
        command = [sys.executable, "-m", "lrstudio", "--print", str(page), str(out)]
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_SECONDS, env=environment, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Environment(f"the PDF was not made in {_SECONDS} s; NAME.html needs no Qt", where=str(out)) from error
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Environment(f"the PDF could not be made ({why}); NAME.html needs no Qt", where=str(out))
