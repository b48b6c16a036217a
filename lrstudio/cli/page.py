"""`lrstudio page`: the audit of one candidate as a page to print or send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, opened, usage, verb
from lrstudio.formats.whole import whole_file
from lrstudio.services.printing import print_page
from lrstudio.services.who_when import utc_now
from lrstudio.viewstate.audit_page import audit_page


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
        print_page(html, out)
    else:
        with whole_file(out) as file:
            file.write(html)
    return Answer({"project": str(project), "candidate_id": candidate, "page": str(out)}, str(out))
