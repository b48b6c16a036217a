"""A model server started for a run: healthy, used, stopped on every way out."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import psutil
import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.services.serving import HOST, ServerCommand, serving

SERVER = Path(__file__).parents[1] / "doubles" / "chat_server.py"
COMMAND = f"{sys.executable} {SERVER} --port {{port}}"
posix = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")


@pytest.mark.parametrize(
    ("text", "model", "words", "served"),
    [
        ("vllm serve org/m --tp 2", "", "vllm serve org/m --tp 2 --host 127.0.0.1 --port {port}", "org/m"),
        ("vllm serve org/m", "alias", "vllm serve org/m --host 127.0.0.1 --port {port}", "alias"),
        ("vllm", "org/m", "vllm serve org/m --host 127.0.0.1 --port {port}", "org/m"),
        ("transformers", "/m", "transformers serve /m --host 127.0.0.1 --port {port}", "/m"),
        ("/opt/bin/transformers serve /m --port {port}", "", "/opt/bin/transformers serve /m --port {port}", "/m"),
        ("llama-server -m x.gguf", "", "llama-server -m x.gguf --host 127.0.0.1 --port {port}", "default"),
        ("ollama", "qwen", "ollama serve", "qwen"),
        ("run.sh '{model}' {port}", "my model", "run.sh my model {port}", "my model"),
    ],
)
def test_known_servers_are_told_their_port(text: str, model: str, words: str, served: str) -> None:
    command = ServerCommand.parse(text, model=model)
    assert " ".join(command.words) == words
    assert command.model == served
    assert dict(command.environment) == ({"OLLAMA_HOST": "127.0.0.1:{port}"} if text == "ollama" else {})


@pytest.mark.parametrize(
    ("text", "model", "where"),
    [
        ("", "m", "serve"),
        ("run 'x", "m", "serve"),
        ("run.sh", "m", "serve"),
        ("vllm", "", "model"),
        ("ollama serve", "", "model"),
        ("run.sh {port}", "", "model"),
    ],
)
def test_what_cannot_be_started_is_refused(text: str, model: str, where: str) -> None:
    with pytest.raises(Refused) as caught:
        ServerCommand.parse(text, model=model)
    assert caught.value.where == where


def use(text: str, log: Path, *, patience: float = 20.0, fail: Exception | None = None) -> int:
    """Use a server and return its port."""

    async def run() -> int:
        async with serving(ServerCommand.parse(text, model="m"), log=log, patience=patience) as base_url:
            if fail:
                raise fail
            return int(base_url.removeprefix(f"http://{HOST}:").removesuffix("/v1"))

    return anyio.run(run)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


Children = Callable[[], list[psutil.Process]]


@pytest.fixture
def children() -> Children:
    """What runs below this process, save what tests of other files share: a database server, a ready command."""
    before = set(psutil.Process().children(recursive=True))
    return lambda: [
        it for it in psutil.Process().children(recursive=True) if it not in before and it.name() != "postgres"
    ]


def test_a_server_is_used_and_then_gone(tmp_path: Path, children: Children) -> None:
    port = use(COMMAND, tmp_path / "log")
    assert not is_open(port)
    assert children() == []
    assert (tmp_path / "log").read_text().strip() == str(port)


def test_it_is_gone_after_an_error_and_after_a_cancellation(tmp_path: Path, children: Children) -> None:
    with pytest.raises(ZeroDivisionError):
        use(COMMAND, tmp_path / "log", fail=ZeroDivisionError())
    assert children() == []

    async def cancelled() -> None:
        with anyio.move_on_after(20) as scope:
            async with serving(ServerCommand.parse(COMMAND, model="m"), log=tmp_path / "log", patience=20):
                scope.cancel()
                await anyio.sleep_forever()

    anyio.run(cancelled)
    assert children() == []


@posix
def test_a_server_that_will_not_stop_and_its_children_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, children: Children
) -> None:
    monkeypatch.setattr("lrstudio.services.serving._GRACE", 0.3)
    script = tmp_path / "stubborn.sh"
    script.write_text(f"trap '' TERM\n{sys.executable} {SERVER} --port $1 &\nwait\nwait\n")
    port = use(f"sh {script} {{port}}", tmp_path / "log")
    assert not is_open(port)
    assert children() == []


def test_one_that_dies_or_never_answers_leaves_its_last_words(tmp_path: Path, children: Children) -> None:
    dying = f"{sys.executable} -c \"print('loading'); raise SystemExit('out of memory')\" {{port}}"
    with pytest.raises(Environment, match=r"status 1.*loading \| out of memory|status 1.*out of memory"):
        use(dying, tmp_path / "log")
    slow = f"{sys.executable} -c \"import time; print('hm', flush=True); time.sleep(60)\" {{port}}"
    with pytest.raises(Environment, match=r"not ready within 5 s.*hm"):
        use(slow, tmp_path / "log", patience=5.0)
    assert children() == []
    with pytest.raises(Refused, match="no program 'no-such-server'"):
        use("no-such-server {port}", tmp_path / "log")


def test_one_that_dies_while_it_is_used_is_named_instead_of_the_lost_connection(
    tmp_path: Path, children: Children
) -> None:
    async def run() -> None:
        command = ServerCommand.parse(COMMAND, model="m")
        async with serving(command, log=tmp_path / "log", patience=20):
            _, server = children()  # the first is its keeper
            server.kill()
            psutil.wait_procs([server], timeout=30)
            raise Environment("cannot be reached")

    with pytest.raises(Environment, match=r"ended by itself \(status -9\)"):
        anyio.run(run)


STUDIO = """
import sys, time, anyio
from pathlib import Path
from lrstudio.services.serving import ServerCommand, serving

async def run():
    async with serving(ServerCommand.parse(sys.argv[1], model="m"), log=Path(sys.argv[2]), patience=60) as base_url:
        print(base_url, flush=True)
        await anyio.sleep_forever()

anyio.run(run)
"""


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Callable[[str], tuple[subprocess.Popen[str], int]]]:
    """Start a process that uses a server and does nothing else; gives it and the server's port."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str) -> tuple[subprocess.Popen[str], int]:
        words = [sys.executable, "-c", STUDIO, text, str(tmp_path / "log")]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout
        return process, int(process.stdout.readline().removeprefix(f"http://{HOST}:").removesuffix("/v1\n"))

    yield start
    for process in started:
        process.kill()
        process.communicate()


@posix
@pytest.mark.parametrize("stubborn", [False, True])
def test_a_server_and_its_children_die_with_a_studio_that_is_killed(
    tmp_path: Path, studio: Callable[[str], tuple[subprocess.Popen[str], int]], stubborn: bool
) -> None:
    script = tmp_path / "server.sh"
    trap = "trap '' TERM\n" if stubborn else ""
    script.write_text(f"{trap}{sys.executable} {SERVER} --port $1 &\nsleep 600 &\nwait\nwait\n")
    command = f"sh {script} {{port}}"
    process, port = studio(command)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) == 4, "a keeper, the shell, the server and the sleeper"
    assert is_open(port)

    process.send_signal(signal.SIGKILL)
    process.wait()

    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    assert not is_open(port)


@pytest.mark.skipif(sys.platform != "linux", reason="only there the kernel sees to it")
def test_a_server_dies_with_its_keeper(studio: Callable[[str], tuple[subprocess.Popen[str], int]]) -> None:
    process, port = studio(COMMAND)
    keeper, server = psutil.Process(process.pid).children(recursive=True)

    keeper.kill()

    psutil.wait_procs([server], timeout=30)
    assert not is_open(port)


@posix
def test_what_is_no_program_but_looks_like_one_is_said(tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    odd.write_bytes(b"\x7fELF nothing")
    odd.chmod(0o755)
    with pytest.raises(Environment, match=r"status 126.*odd cannot be started"):
        use(f"{odd} {{port}}", tmp_path / "log")


def test_keys_of_the_studio_are_not_handed_to_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRSTUDIO_API_KEY", "sesame")
    telling = f'{sys.executable} -c "import os; raise SystemExit(str(sorted(os.environ)))" {{port}}'
    with pytest.raises(Environment):
        use(telling, tmp_path / "log")
    said = (tmp_path / "log").read_text()
    assert "PATH" in said
    assert "LRSTUDIO" not in said
