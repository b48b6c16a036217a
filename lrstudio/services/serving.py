"""A model server that the studio starts for a run, asks on this machine, and that ends with it on every way out.

On POSIX a keeper stands between the two (`keeper.py`): it ends the server when the studio's end of a pipe closes, which
the system sees to even after `kill -9`.
"""

from __future__ import annotations

import atexit
import http.client
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
from anyio import to_thread

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.places import Place
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.settings import SettingsStore

HOST = "127.0.0.1"
NOBODY = f"http://{HOST}/v1"
"""Stands for the address of a server that is not started."""

PRESETS: Mapping[str, str] = {
    "vllm": "vllm serve {model}",
    "transformers": "transformers serve {model}",
    "llama-server": "llama-server -m {model}",
    "ollama": "ollama serve",
}
_KEEPER = Path(__file__).with_name("keeper.py")
_LISTEN = ("--host", HOST, "--port", "{port}")
_PAUSE = 0.25
_GRACE = 10.0
_MARGIN = 5.0
_MOMENT = 0.5
_LAST_LINES = 5
_TAIL_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class ServerCommand:
    """What to start: the words, still with `{port}` in them, what the environment gets, and the model it serves."""

    words: tuple[str, ...]
    model: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, *, model: str = "") -> ServerCommand:
        """Read a command line. `{port}` and `{model}` are filled in; known servers are told their port without it.

        The name of a known server alone ("vllm", "transformers", "llama-server", "ollama") stands for its usual command
        with `model`.

        Raises:
            Refused: it cannot be read, or nothing says how to tell the server its port, or which model it serves.
        """
        text = text.strip()
        try:
            words = shlex.split(PRESETS.get(text, text), posix=os.name != "nt")
        except ValueError as error:
            raise Refused(f"the command cannot be read ({error})", where="serve") from error
        if not words:
            raise Refused("name the command of a server", where="serve")
        program = Path(words[0]).name
        model = model or _served(program, words)
        if not model:
            raise Refused("name the model that the server is asked for", where="model")
        environment: dict[str, str] = {}
        if not any("{port}" in word for word in words):
            if program == "ollama":
                environment = {"OLLAMA_HOST": f"{HOST}:{{port}}"}
            elif program in PRESETS:
                words += _LISTEN
            else:
                raise Refused(
                    "the command must say where its port goes: write {port} there, for instance `--port {port}`",
                    where="serve",
                )
        return cls(tuple(word.replace("{model}", model) for word in words), model, environment)


def _served(program: str, words: list[str]) -> str:
    """Return the model that a known server is told to serve, "" where that cannot be seen."""
    if program in ("vllm", "transformers") and len(words) > 2 and words[1] == "serve" and "{" not in words[2]:
        return words[2]
    if program == "llama-server":  # it serves one model and takes any name for it
        return "default"
    return ""


def known_as(serve: str) -> str:
    """Return what stands for the address of a server in identities and call keys: its port changes from run to run."""
    return f"serve:{serve.strip()}"


def server_log(place: Place) -> Path:
    """Return the file that a server started for a project writes to: beside its file, else in the profile."""
    if isinstance(place, Path):
        return place.with_suffix(".serve.log")
    return SettingsStore().beside(f"{place.database}.serve.log")


@asynccontextmanager
async def served(request: JudgeRequest, *, log: Path) -> AsyncIterator[JudgeRequest]:
    """Give the request with the address of its server filled in; one that asks for no server stays as it is.

    Raises:
        Refused, Environment: as `serving`.
    """
    if not request.serve:
        yield request
        return
    ready = unstarted(request)
    command = ServerCommand.parse(request.serve, model=request.model)
    async with serving(command, log=log, patience=request.serve_timeout) as base_url:
        yield replace(ready, base_url=base_url)


def unstarted(request: JudgeRequest) -> JudgeRequest:
    """Give the request as `served` would, but start nothing: nobody answers at its address.

    Raises:
        Refused: the command cannot be understood, or the judge asks no server.
    """
    if not request.serve:
        return request
    if request.judge != "http":
        raise Refused(f"only the http judge asks a server, not the {request.judge} one", where="serve")
    command = ServerCommand.parse(request.serve, model=request.model)
    return replace(request, base_url=NOBODY, model=command.model, known_as=known_as(request.serve))


@asynccontextmanager
async def serving(command: ServerCommand, *, log: Path, patience: float) -> AsyncIterator[str]:
    """Start a server, wait until it is healthy, give its base URL, and stop it with all it started.

    Args:
        command: what to start.
        log: gets everything that the server says; replaced if it is there.
        patience: seconds until it must be healthy; loading a large model takes minutes.

    Raises:
        Refused: there is no such program.
        Environment: it ended by itself, before it was healthy or while it was used, or was not healthy in time.
    """
    port = _free_port()
    process = await to_thread.run_sync(_start, command, port, log)
    if os.name == "nt":  # the last resort, where a second Ctrl-C cuts the stopping short; elsewhere it is the keeper
        atexit.register(process.kill)
    try:
        await _healthy(process, port, log=log, patience=patience)
        try:
            yield f"http://{HOST}:{port}/v1"
        except Environment as error:
            if not await to_thread.run_sync(_has_ended, process):
                raise
            raise _ended(process, log) from error
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(_stop, process)
        atexit.unregister(process.kill)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _start(command: ServerCommand, port: int, log: Path) -> subprocess.Popen[bytes]:
    words = [word.replace("{port}", str(port)) for word in command.words]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("LRSTUDIO_")}
    theirs = {name: value.replace("{port}", str(port)) for name, value in command.environment.items()}
    if shutil.which(words[0]) is None:
        raise Refused(f"there is no program {words[0]!r} on this machine", where="serve")
    kept = () if os.name == "nt" else (sys.executable, "-I", "-S", str(_KEEPER), str(_GRACE))
    try:
        with log.open("wb") as out:
            # A group of its own: Ctrl-C in the terminal is for the studio, which then stops the server in order.
            return subprocess.Popen(
                [*kept, *words],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**ours, **theirs},
                start_new_session=os.name != "nt",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
    except OSError as error:
        raise Environment(f"the server cannot be started: {error}", where="serve") from error


async def _healthy(process: subprocess.Popen[bytes], port: int, *, log: Path, patience: float) -> None:
    give_up = time.monotonic() + patience
    while not await to_thread.run_sync(_answers, port, abandon_on_cancel=True):
        if process.poll() is not None:
            raise _ended(process, log)
        if time.monotonic() > give_up:
            raise Environment(f"the server was not ready within {patience:g} s; {_last_words(log)}", where="serve")
        await anyio.sleep(_PAUSE)
    if process.poll() is not None:  # what answers there is somebody else
        raise _ended(process, log)


def _answers(port: int) -> bool:
    """Tell whether the server is ready: by /health, or by /v1/models where it has no such page."""
    for path in ("/health", "/v1/models"):
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        try:
            connection.request("GET", path)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        if status not in (404, 405):
            return status == 200
    return False


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether the server is gone; its connections break a moment before it is."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(_MOMENT)
    return process.poll() is not None


def _ended(process: subprocess.Popen[bytes], log: Path) -> Environment:
    return Environment(f"the server ended by itself (status {process.poll()}); {_last_words(log)}", where="serve")


def _last_words(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        lines = []
    said = [line.strip() for line in lines if line.strip()][-_LAST_LINES:]
    return f"its last lines in {log.name}: {' | '.join(said)}" if said else f"it said nothing ({log.name} is empty)"


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and everything it started: ask, wait, then kill."""
    if process.stdin:
        process.stdin.close()
    if os.name == "nt":
        _stop_tree(process)
        return
    try:
        process.wait(_GRACE + _MARGIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _stop_tree(process: subprocess.Popen[bytes]) -> None:
    import psutil

    with suppress(psutil.NoSuchProcess):
        leader = psutil.Process(process.pid)
        family = [*leader.children(recursive=True), leader]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.terminate()
        for member in psutil.wait_procs(family, timeout=_GRACE)[1]:
            with suppress(psutil.NoSuchProcess):
                member.kill()
    process.wait()
