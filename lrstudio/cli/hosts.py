"""`lrstudio hosts`: the other machines that train: describe them, look what is there, and make them ready."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from lrstudio.cli.common import CANCELLED, Answer, AsJson, asked_to_end, say, verb
from lrstudio.cli.train import options_of
from lrstudio.services.hosts import Hosts
from lrstudio.services.wiring import person_hosts
from lrstudio.training.hosts.bootstrap import PrepareCancelled, Prepared, Stage, Step
from lrstudio.training.hosts.host import Host, Scheduler, Way, options_for, words_of
from lrstudio.training.hosts.probe import Finding, Probe

app = typer.Typer(name="hosts", no_args_is_help=True, help="Other machines that train: add, probe, prepare them.")

HostName = Annotated[str, typer.Argument(metavar="NAME", help="What the host is called here.")]
Folder = Annotated[
    str | None, typer.Option(help="The studio's folder there; below the home unless it begins with a slash.")
]
Python = Annotated[
    str | None, typer.Option(metavar="WORDS", help="What starts a Python there that can train; '' has one made.")
]
Scheduled = Annotated[Scheduler | None, typer.Option(help="Who gives jobs their turn there.")]
Options = Annotated[
    list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of the scheduler; '' takes it out.")
]
Spoken = Annotated[Way | None, typer.Option(help="What carries the connection.")]
Wheels = Annotated[str | None, typer.Option(metavar="FOLDER", help="Wheels here, for a host without a network.")]
Batch = Annotated[str | None, typer.Option(metavar="WORDS", help="What runs a file of judge calls there.")]

_LINE_SECONDS = 2.0


@app.command()
@verb
def add(
    name: HostName,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An alias of ~/.ssh/config, or [user@]machine.")],
    folder: Folder = None,
    python: Python = None,
    scheduler: Scheduled = None,
    option: Options = None,
    way: Spoken = None,
    wheels: Wheels = None,
    batch: Batch = None,
    as_json: AsJson = False,
) -> Answer:
    """Add a host; nothing is asked of it yet."""
    given = _given(folder, python, scheduler, way, wheels, batch)
    host = Host.read({"name": name, "address": address, **given, "options": options_of(option or ())})
    with _hosts() as hosts:
        hosts.save(host)
    return Answer(host.row(), f"{host.name} is added; look what is there: lrstudio hosts probe {host.name}")


@app.command()
@verb
def change(
    name: HostName,
    rename: Annotated[str | None, typer.Option(metavar="NAME", help="Call it this.")] = None,
    address: Annotated[str | None, typer.Option(help="An alias of ~/.ssh/config, or [user@]machine[:port].")] = None,
    folder: Folder = None,
    python: Python = None,
    scheduler: Scheduled = None,
    option: Options = None,
    way: Spoken = None,
    wheels: Wheels = None,
    batch: Batch = None,
    as_json: AsJson = False,
) -> Answer:
    """Change how a host is described; what is not named stays."""
    given = _given(folder, python, scheduler, way, wheels, batch)
    given |= {key: value for key, value in (("name", rename), ("address", address)) if value is not None}
    with _hosts() as hosts:
        before = hosts.get(name)
        row = before.row() | given
        options = options_for(Scheduler(row["scheduler"]), before.options) | options_of(option or ())
        host = Host.read(row | {"options": {key: value for key, value in options.items() if value}})
        hosts.save(host, old_name=name)
    return Answer(host.row(), _words(host))


@app.command("list")
@verb
def list_(as_json: AsJson = False) -> Answer:
    """List the hosts."""
    with _hosts() as hosts:
        found = hosts.list()
    lines = [f"{it.name:<20} {it.address:<30} {it.scheduler.value}" for it in found]
    return Answer({"hosts": [it.row() for it in found]}, "\n".join(lines) or "no host yet; lrstudio hosts add")


@app.command()
@verb
def show(name: HostName, as_json: AsJson = False) -> Answer:
    """Show how a host is described; nothing is asked of it."""
    with _hosts() as hosts:
        host = hosts.get(name)
    return Answer(host.row(), _words(host))


@app.command()
@verb
def probe(name: HostName, as_json: AsJson = False) -> Answer:
    """Look what a host has, and say what to do about what it lacks; status 1 where a run cannot go there."""
    with _hosts() as hosts, _telling_keys(name):
        found = hosts.probe(name)
    problems = [f"lrstudio: {it.name}: {it.said}; {it.todo}" for it in found.checks if not it.passed]
    return Answer({"host": name, **_probe_row(found)}, _probe_words(name, found), tuple(problems), found.usable)


@app.command()
@verb
def prepare(name: HostName, as_json: AsJson = False) -> Answer:
    """Make a host able to train, going on where an earlier try ended; Ctrl-C ends the work there."""
    with _hosts() as hosts, _telling_keys(name), asked_to_end() as ended:
        try:
            made = hosts.prepare(name, progress=_told(), cancelled=ended)
        except PrepareCancelled as error:
            say("lrstudio: cancelled; nothing half made counts as ready there")
            raise typer.Exit(CANCELLED) from error
    versions = ", ".join(f"{module} {version}" for module, version in made.versions.items())
    return Answer({"host": name, **_prepared_row(made)}, f"{name} is ready: {versions}")


@app.command("accept-key")
@verb
def accept_key(
    name: HostName,
    fingerprint: Annotated[str, typer.Argument(help="SHA256:..., as the host's owner says it.")],
    as_json: AsJson = False,
) -> Answer:
    """Accept the key of a host, once you have compared its fingerprint; it is added to known_hosts."""
    with _hosts() as hosts:
        hosts.accept_key(name, fingerprint)
    return Answer({"host": name, "fingerprint": fingerprint}, f"{name} is known from now on")


@app.command()
@verb
def remove(name: HostName, as_json: AsJson = False) -> Answer:
    """Forget a host; what is on it stays there."""
    with _hosts() as hosts:
        hosts.remove(name)
    return Answer({"host": name}, f"{name} is forgotten")


@app.command("wheels")
@verb
def fetch_wheels(
    into: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the wheels are to go.")], as_json: AsJson = False
) -> Answer:
    """Print the command that fetches every wheel for a host without a network; run it where there is one."""
    from lrstudio.training.hosts.bootstrap import TRAIN
    from lrstudio.training.hosts.own_wheel import constraints_path

    constraints = ("-c", str(constraints_path()), *TRAIN)
    command = ("python3.11", "-m", "pip", "download", "--only-binary", ":all:", "-d", str(into), *constraints)
    return Answer({"command": list(command)}, shlex.join(command))


@contextmanager
def _hosts() -> Iterator[Hosts]:
    hosts = person_hosts()
    try:
        yield hosts
    finally:
        hosts.close()


@contextmanager
def _telling_keys(name: str) -> Iterator[None]:
    """Say which command accepts a key that nobody has accepted yet."""
    from lrstudio.training.hosts.host_keys import UnknownHostKey

    try:
        yield
    except UnknownHostKey as error:
        say(f"lrstudio: {error}: lrstudio hosts accept-key {name} {error.fingerprint}")
        raise typer.Exit(1) from error


def _given(
    folder: str | None,
    python: str | None,
    scheduler: Scheduler | None,
    way: Way | None,
    wheels: str | None,
    batch: str | None,
) -> dict[str, Any]:
    """Return the fields that were named, as a host's row has them."""
    row: dict[str, Any] = {"folder": folder, "scheduler": scheduler and scheduler.value, "way": way and way.value}
    row |= {"python": None if python is None else words_of(python, where="python")}
    row |= {"batch": None if batch is None else words_of(batch, where="batch")}
    row |= {"wheels": str(Path(wheels).expanduser().absolute()) if wheels else wheels}
    return {name: value for name, value in row.items() if value is not None}


def _words(host: Host) -> str:
    row = host.row() | {"python": shlex.join(host.python), "batch": shlex.join(host.batch)}
    options = " ".join(f"{name}={value}" for name, value in host.options.items())
    return "\n".join(f"{name:<10} {value}" for name, value in (row | {"options": options}).items() if value)


def _probe_row(found: Probe) -> dict[str, Any]:
    return {
        "usable": found.usable,
        "prepared": found.prepared,
        "python": found.python,
        "driver": found.driver,
        "scheduler": found.scheduler,
        "lingers": found.lingers,
        "disk_gib": found.disk_gib,
        "gpus": [{"name": it.name, "total_gib": it.total_gib, "free_gib": it.free_gib} for it in found.gpus],
        "checks": [_finding_row(it) for it in found.checks],
    }


def _finding_row(found: Finding) -> dict[str, Any]:
    return {"name": found.name, "passed": found.passed, "needed": found.needed, "said": found.said, "todo": found.todo}


def _probe_words(name: str, found: Probe) -> str:
    lines = [f"  {'ok ' if it.passed else 'NOT'} {it.name:<10} {it.said}" for it in found.checks]
    lines += [f"      {it.name}: {it.free_gib:g} of {it.total_gib:g} GiB free" for it in found.gpus]
    ready = "an environment that trains is ready" if found.prepared else f"make it ready: lrstudio hosts prepare {name}"
    return "\n".join([*lines, ready if found.usable else f"{name} cannot train yet"])


def _prepared_row(made: Prepared) -> Mapping[str, Any]:
    return {
        "folder": made.folder,
        "python": list(made.python),
        "package": made.package,
        "wheel": made.wheel,
        "environment": made.environment,
        "versions": dict(made.versions),
    }


def _told() -> Callable[[Step], None]:
    """Return what says the steps: each line, and of what is sent a share now and then."""
    at, last = float("-inf"), ""

    def tell(step: Step) -> None:
        nonlocal at, last
        now = time.monotonic()
        if step.stage is Stage.SEND and step.said == last and now - at < _LINE_SECONDS:
            return
        share = f" ({step.done * 100 // step.whole} %)" if step.whole and step.done else ""
        at, last = now, step.said
        say(f"lrstudio: {step.said}{share}")

    return tell
