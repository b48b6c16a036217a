"""What every verb shares: how data and messages leave, and how errors become an exit status."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import wraps
from inspect import Parameter, Signature, signature
from types import FrameType
from typing import Annotated, Any, Concatenate, NoReturn, ParamSpec, get_type_hints

import typer

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.places import Place, place_of
from lrstudio.services.consent import Outgoing
from lrstudio.services.wiring import Project, open_project

P = ParamSpec("P")


def place(text: str) -> Place:
    """Read where a project is; a word that cannot be is a usage error."""
    try:
        return place_of(text)
    except Refused as error:
        raise typer.BadParameter(str(error)) from error


# A `Place`; the library takes no union of types.
ProjectPath = Annotated[
    Any, typer.Argument(metavar="PROJECT", parser=place, help="The project file, NAME.lrs, or a database URL.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")]
Yes = Annotated[bool, typer.Option("--yes", help="Agree, for this once, to what goes to another machine.")]
Reviewer = Annotated[str, typer.Option(help="Who decides; else the name in the settings.")]

NOT_DONE = 1
CANCELLED = 130


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb says: `data` for --json, `words` for people, `problems` to standard error; incomplete is status 1."""

    data: dict[str, Any]
    words: str
    problems: tuple[str, ...] = ()
    complete: bool = True


def verb(function: Callable[P, Answer]) -> Callable[P, None]:
    """Turn a function that returns an Answer into a command: prints it, and exits 0 only when all was done."""

    @wraps(function)
    def command(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            answer = function(*args, **kwargs)
        except (Refused, Environment) as error:
            say(f"lrstudio: {error}")
            raise typer.Exit(NOT_DONE) from error
        except KeyboardInterrupt as error:
            say("lrstudio: cancelled; what was finished is kept")
            raise typer.Exit(CANCELLED) from error
        for problem in answer.problems:
            say(problem)
        if kwargs.get("as_json"):
            sys.stdout.write(json.dumps(answer.data, ensure_ascii=True, indent=2) + "\n")
        elif answer.words:
            sys.stdout.write(answer.words.rstrip("\n") + "\n")
        if not answer.complete:
            raise typer.Exit(NOT_DONE)

    return command


def with_options(record: type[Any]) -> Callable[[Callable[Concatenate[Any, Any, P], Answer]], Callable[..., Answer]]:
    """Let a verb take its options as one record: each field of the dataclass `record` is an option on the command line.

    The verb takes the project, the record, and what options it names itself.
    """

    def decorate(function: Callable[Concatenate[Any, Any, P], Answer]) -> Callable[..., Answer]:
        names = [spec.name for spec in fields(record)]

        @wraps(function)
        def command(project: Place, *args: P.args, **kwargs: P.kwargs) -> Answer:
            options = record(**{name: kwargs.pop(name) for name in names})
            return function(project, options, *args, **kwargs)

        hints = get_type_hints(record, include_extras=True)
        first, _, *rest = signature(function, eval_str=True).parameters.values()
        own = [
            Parameter(it.name, Parameter.KEYWORD_ONLY, default=it.default, annotation=hints[it.name])
            for it in fields(record)
        ]
        parameters = [first, *own, *(it.replace(kind=Parameter.KEYWORD_ONLY) for it in rest)]
        command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {it.name: it.annotation for it in parameters}
        return command

    return decorate


def say(message: str) -> None:
    """Write a message for a person to standard error."""
    sys.stderr.write(message + "\n")


def usage(message: str) -> NoReturn:
    """End with exit status 2: the words of the command do not fit together."""
    raise typer.BadParameter(message)


def one_of(choices: Sequence[str], *names: str, help: str) -> Any:  # noqa: A002 - typer's word
    """Return an option that takes one of some words, or is left out; another one is a usage error."""

    def check(value: str | None) -> str | None:
        if value is not None and value not in choices:
            raise typer.BadParameter(f"{value!r} is none of {', '.join(choices)}")
        return value

    return typer.Option(*names, help=help, metavar="|".join(choices), callback=check)


def announce(outgoing: Iterable[Outgoing]) -> None:
    """Say, before anything is sent, what goes to which other machine."""
    for it in outgoing:
        say(f"lrstudio: {it}{' (allowed in this project)' if it.allowed else ''}")


@contextmanager
def stoppable() -> Iterator[None]:
    """Let a polite end (SIGTERM, a closed terminal) do what Ctrl-C does: end in order, with everything put away."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        handler = signal.getsignal(signal.SIGINT)  # while a loop runs it is the loop's
        if not callable(handler):
            raise KeyboardInterrupt
        handler(signal.SIGINT, frame)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # One that is ignored (nohup) stays so.
    before = {it: old for it in numbers if (old := signal.getsignal(it)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def asked_to_end() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C and a polite end be asked about, for work that must first be ended elsewhere; a second one is hard."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {it: signal.signal(it, note) for it in numbers if signal.getsignal(it) is not signal.SIG_IGN}
    try:
        yield lambda: bool(asked)
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def opened(path: Place, *, reviewer: str = "", upgrade: bool = True) -> Iterator[Project]:
    """Open a project for one verb and close it whatever happens."""
    project = open_project(path, reviewer=reviewer, upgrade=upgrade)
    try:
        yield project
    finally:
        project.close()
