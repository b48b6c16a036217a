"""The command `lrstudio`, put together from one file per verb."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from functools import cache
from typing import Annotated

import typer

from lrstudio import __version__
from lrstudio.cli import (
    consent,
    decide,
    export,
    find,
    hosts,
    import_,
    judge,
    merge,
    new,
    packs,
    page,
    pairs,
    queue,
    report,
    reviewers,
    runs,
    sample,
    set_,
    show,
    tiny_model,
    tour,
    train,
)

app = typer.Typer(
    name="lrstudio",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    pretty_exceptions_enable=False,
)
app.command("new")(new.new)
app.command("import")(import_.import_)
app.command("sample")(sample.sample)
app.command("consent")(consent.consent)
app.command("judge")(judge.judge)
app.command("show")(show.show)
app.command("decide")(decide.decide)
app.command("pairs")(pairs.pairs)
app.command("set")(set_.set_)
app.command("export")(export.export)
app.command("find")(find.find)
app.command("page")(page.page)
app.command("queue")(queue.queue)
app.command("report")(report.report)
app.command("reviewers")(reviewers.reviewers)
app.command("merge")(merge.merge)
app.command("train")(train.train)
app.command("runs")(runs.runs)
app.command("tiny-model")(tiny_model.tiny_model)
app.command("tour")(tour.tour)
app.add_typer(packs.app)
app.add_typer(hosts.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"lrstudio {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Show long documents, candidates, claims, verdicts and evidence together.

    Without a verb, `lrstudio [PROJECT]` opens the window.
    """


@cache
def command() -> Callable[..., object]:
    """Return the command with all its verbs; to put it together takes as long as a short verb."""
    return typer.main.get_command(app)


def run(words: list[str]) -> int:
    """Run a verb and return its exit status: 0 all done, 1 not all done, 2 the words do not fit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a text may hold what no encoding can write
            stream.reconfigure(errors="backslashreplace")
    try:
        command()(words, prog_name="lrstudio", standalone_mode=True)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    return 0
