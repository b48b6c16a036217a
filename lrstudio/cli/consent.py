"""`lrstudio consent`: what may leave this machine, and where to."""

from __future__ import annotations

from typing import Annotated

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, opened, usage, verb
from lrstudio.services.consent import ConsentState


@verb
def consent(
    project: ProjectPath,
    local_only: Annotated[
        bool | None,
        typer.Option("--local-only/--no-local-only", help="All documents, or those named, stay on this machine."),
    ] = None,
    document: Annotated[list[str] | None, typer.Option(help="Only this document; may be repeated.")] = None,
    allow: Annotated[list[str] | None, typer.Option(metavar="HOST", help="Documents may go to this host.")] = None,
    forbid: Annotated[list[str] | None, typer.Option(metavar="HOST", help="No longer to this host.")] = None,
    as_json: AsJson = False,
) -> Answer:
    """Say what may leave this machine; without options, show what stands."""
    if document and local_only is None:
        usage("--document goes with --local-only or --no-local-only")
    with opened(project) as it:
        if local_only is not None:
            it.consent.keep_local(local_only, document_ids=document or ())
        for host in forbid or ():
            it.consent.forbid(host)
        for host in allow or ():
            it.consent.allow(host)
        state = it.consent.state()
    data = {
        "project": str(project),
        "local_only": state.local_only,
        "local_only_documents": list(state.documents),
        "allowed_hosts": dict(state.hosts),
    }
    return Answer(data, _words(state))


def _words(state: ConsentState) -> str:
    lines = []
    if state.local_only:
        lines.append("all documents stay on this machine")
    elif state.documents:
        lines.append(f"these stay on this machine: {', '.join(state.documents)}")
    lines += [f"documents may go to {host} (since {since})" for host, since in state.hosts.items()]
    return "\n".join(lines or ["no document is marked local only, and no other host is allowed: each run asks"])
