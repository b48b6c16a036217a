"""`lrstudio page`: the audit of one candidate as a page to print or send."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, opened, usage, verb
from lrstudio.domain.errors import Environment
from lrstudio.formats.whole import whole_file
from lrstudio.services.who_when import utc_now
from lrstudio.viewstate.audit_page import audit_page

_SECONDS = 120


@verb
def page(
    project: ProjectPath,
    candidate: Annotated[str, typer.Argument(help="The id of the candidate, as `lrstudio show` lists it.")],
    out: Annotated[Path, typer.Argument(help="The file to write: NAME.html or NAME.pdf.")],
    as_json: AsJson = False,
) -> Answer:
    """Write a candidate with its verdicts, decisions and quoted evidence as HTML or PDF."""
    if out.suffix.lower() not in (".html", ".htm", ".pdf"):
        usage(f"{out.name} is neither NAME.html nor NAME.pdf")
    with opened(project) as it:
        detail = it.audit.candidate(candidate)
        text = it.audit.document_text(detail.document.document_id) if detail.document else None
    html = audit_page(detail, text=text, made=utc_now()).encode()
    if out.suffix.lower() == ".pdf":
        _print(html, out)
    else:
        with whole_file(out) as file:
            file.write(html)
    return Answer({"project": str(project), "candidate_id": candidate, "page": str(out)}, str(out))


def _print(html: bytes, out: Path) -> None:
    """Have a child process make the PDF: Qt stays out of the command line."""
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
