"""What a transport promises, by both ways, against OpenSSH's server and one in this process."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrstudio.domain.errors import Environment, Refused
from lrstudio.training.hosts.connect import connect
from lrstudio.training.hosts.far_files import HANDLES
from lrstudio.training.hosts.host import Host, Way
from lrstudio.training.hosts.link import ALIVE_SECONDS, ALIVE_TIMES, Link
from lrstudio.training.hosts.loop import Loop
from lrstudio.training.hosts.transport import Command, Entry, Piece, Unreachable

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the servers of these tests are POSIX ones")

SSHD = [pytest.param(way, marks=pytest.mark.server("sshd")) for way in Way]
ECHO = ("/bin/sh", "-c", r"""printf '%s\0' "$LR_VALUE" "$@" """, "sh")


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def host(request: pytest.FixtureRequest) -> Host:
    """The host that `indirect` names: one in this process, or OpenSSH's server by a way."""
    if request.param == "faulty":
        return request.getfixturevalue("faulty").host()
    return request.getfixturevalue("sshd").host(way=request.param)


@pytest.fixture
def link(host: Host, loop: Loop) -> Iterator[Link]:
    link = connect(host, loop=loop)
    yield link
    link.close()


everywhere = pytest.mark.parametrize("host", ["faulty", *SSHD], indirect=True)
over_sshd = pytest.mark.parametrize("host", SSHD, indirect=True)


@everywhere
def test_a_command_says_how_it_ended(link: Link) -> None:
    ran = link.run(Command(("/bin/sh", "-c", "cat; echo no >&2; exit 3"), input=b"line 1\nline 2\n"))

    assert (ran.status, ran.out, ran.err) == (3, b"line 1\nline 2\n", b"no\n")
    assert ran.said == "no"
    assert link.run(Command(("nowhere-to-be-found",))).status == 127
    assert link.run(Command(("/bin/sh", "-c", "kill -KILL $$"))).status == -signal.SIGKILL
    assert link.run(Command(("/bin/sh", "-c", "exit 255"))).status == 255


@everywhere
def test_much_passes_both_ways(link: Link) -> None:
    much = os.urandom(3 << 20)
    assert link.run(Command(("cat",), input=much)).out == much
    assert link.run(Command(("true",), input=much)).status == 0


@over_sshd
def test_words_and_values_arrive_as_they_are(link: Link, sshd: object, tmp_path: Path) -> None:
    text = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
    hostile = st.sampled_from(
        ["", "a b", "$(touch x)", "`id`", "'", '"', "\n", "é\r\n ", "!!", "-n", "\\", "*", "~", ";"]
    )
    one = st.one_of(hostile, text, st.tuples(hostile, text, hostile).map("".join))
    before = set(tmp_path.iterdir())

    @settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(words=st.lists(one, max_size=20), value=one)
    def check(words: list[str], value: str) -> None:
        ran = link.run(Command((*ECHO, *words), {"LR_VALUE": value}))
        assert ran.out.decode().split("\0") == [value, *words, ""], ran

    check()
    assert set(tmp_path.iterdir()) == before


@pytest.mark.server("sshd")
def test_paths_arrive_as_they_are(sshd, loop: Loop, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"bytes")
    name = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=20)
    hostile = st.sampled_from(["a b", "$(touch x)", "`id`", "'", '"', "\n", "é\r\n ", "-n", "\\", "*", "~", "%s"])
    link = connect(sshd.host(), loop=loop)

    @settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(folder=st.one_of(hostile, name), file=st.one_of(hostile, name))
    def check(folder: str, file: str) -> None:
        if folder in (".", "..") or file in (".", ".."):
            return
        path = f"{tmp_path}/{folder}/{file}"
        link.write(path, b"x")
        assert Path(path).read_bytes() == b"x"
        link.upload(source, path)
        assert link.read(path) == Piece(b"bytes", 5)
        assert [entry.name for entry in link.entries(f"{tmp_path}/{folder}") or ()].count(file) == 1
        link.download(path, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"bytes"

    check()
    link.close()


@everywhere
def test_what_cannot_be_a_word_is_refused(link: Link) -> None:
    for command in (Command(("a\0",)), Command(("a", "\ud800")), Command(()), Command(("a",), {"a=b": ""})):
        with pytest.raises(Refused):
            link.run(command)


@over_sshd
def test_the_environment_is_on_no_command_line(link: Link, tmp_path: Path) -> None:
    secret = "a-secret-of-the-test"
    list_all = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
    seen = link.run(Command(("/bin/sh", "-c", list_all), {"HF_TOKEN": secret})).out.decode(errors="replace")
    assert "tr" in seen
    assert secret not in seen


@everywhere
def test_a_command_has_an_end(link: Link) -> None:
    with pytest.raises(Unreachable, match="does not answer"):
        link.run(Command(("sleep", "30"), seconds=0.3))
    assert link.run(Command(("true",))).status == 0


def test_what_a_login_shell_says_is_no_output(faulty, loop: Loop) -> None:
    faulty.noise = b"Welcome to the cluster!\n"
    link = connect(faulty.host(), loop=loop)
    assert link.run(Command(("echo", "7"))).out == b"7\n"
    link.close()


@everywhere
def test_files_are_read_in_parts(link: Link, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert link.read(str(path)) is None
    path.write_bytes(b"0123456789")
    assert link.read(str(path), most=4) == Piece(b"0123", 10)
    assert link.read(str(path), start=4) == Piece(b"456789", 10)
    with path.open("ab") as file:
        file.write(b"ab")
    assert link.read(str(path), start=10) == Piece(b"ab", 12)
    assert link.read(str(path), start=12) == Piece(b"", 12)
    assert link.read(str(path), start=99) == Piece(b"", 12)


@everywhere
def test_a_file_that_takes_the_name_of_another_is_read(link: Link, tmp_path: Path) -> None:
    path, other = tmp_path / "state.json", tmp_path / "other"
    path.write_bytes(b"one")
    assert link.read(str(path), start=1) == Piece(b"ne", 3)
    other.write_bytes(b"three")
    other.replace(path)
    assert link.read(str(path), start=1) == Piece(b"hree", 5)
    for text in (b"first", b"again"):  # of one size, in one second
        other.write_bytes(text)
        other.replace(path)
        assert link.read(str(path)) == Piece(text, 5)
    path.unlink()
    assert link.read(str(path), start=1) is None


@over_sshd
def test_few_handles_are_kept_open(link: Link, sshd, tmp_path: Path) -> None:
    for number in range(HANDLES + 10):
        (tmp_path / str(number)).write_bytes(b"ab")
        assert link.read(str(tmp_path / str(number)), start=1) == Piece(b"b", 2)
    held = [file for process in sshd.sessions() for file in process.open_files() if file.path.startswith(str(tmp_path))]
    assert len(held) == HANDLES
    assert link.read(str(tmp_path / "0"), start=1) == Piece(b"b", 2)


@everywhere
def test_a_file_is_replaced_whole(link: Link, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "secret"
    link.write(str(path), b"1", mode=0o600)
    link.write(str(path), b"22", mode=0o600)

    assert path.read_bytes() == b"22"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [it.name for it in path.parent.iterdir()] == ["secret"]


@everywhere
def test_a_relative_path_lies_in_the_home_there(link: Link) -> None:
    home = link.run(Command(("pwd",))).out.decode().strip()
    folder = f"lrstudio-test-{os.getpid()}-{threading.get_ident()}"
    try:
        link.write(f"{folder}/x", b"here")
        assert Path(home, folder, "x").read_bytes() == b"here"
        assert link.run(Command(("cat", f"{folder}/x"))).out == b"here"
    finally:
        link.run(Command(("rm", "-r", folder)))


@everywhere
def test_one_of_many_makes_a_folder(link: Link, tmp_path: Path) -> None:
    path = str(tmp_path / "claim")
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda _: link.make(path), range(8))) == [False] * 7 + [True]
    with pytest.raises(Environment, match=r"nowhere/claim.*no such") as caught:
        link.make(str(tmp_path / "nowhere" / "claim"))
    assert not isinstance(caught.value, Unreachable)


@everywhere
def test_a_folder_is_listed_by_name(link: Link, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a\nc").write_bytes(b"123")
    os.utime(tmp_path / "a\nc", (7, 7))
    (tmp_path / ".d").write_bytes(b"")

    entries = link.entries(str(tmp_path))

    assert entries is not None
    assert [(it.name, it.is_folder) for it in entries] == [(".d", False), ("a\nc", False), ("b", True)]
    assert entries[1] == Entry("a\nc", 3, 7.0, False)
    assert link.entries(str(tmp_path / "nowhere")) is None


@everywhere
def test_a_host_that_cannot_names_itself_and_the_path(link: Link, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for action in (
        lambda: link.write(str(tmp_path / "file" / "x"), b""),
        lambda: link.read(str(tmp_path)),
        lambda: link.write(str(tmp_path), b""),
    ):
        with pytest.raises(Environment, match=link.name) as caught:
            action()
        assert not isinstance(caught.value, Unreachable)
        assert str(tmp_path) in caught.value.where


@everywhere
def test_threads_share_a_link(link: Link, tmp_path: Path) -> None:
    def work(number: int) -> bool:
        path = str(tmp_path / str(number))
        link.write(path, path.encode())
        found = link.read(path)
        return found == Piece(path.encode(), len(path)) and link.run(Command(("cat", path))).out == path.encode()

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(work, range(8)))


@everywhere
def test_a_loss_ends_every_call(link: Link, host: Host, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    server = request.getfixturevalue("faulty" if host.name == "faulty" else "sshd")
    lost = threading.Event()
    link.when_lost(lambda why: lost.set())
    started = tmp_path / "started"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(link.run, Command(("/bin/sh", "-c", f"touch {started}; sleep 30")))
        _until(started.exists)
        server.cut()
        with pytest.raises(Unreachable):
            waiting.result(20)
    assert lost.wait(60)
    assert not link.is_up
    with pytest.raises(Unreachable):
        link.read(str(tmp_path / "x"))


def test_silence_is_noticed_in_time() -> None:
    assert (ALIVE_TIMES + 1) * ALIVE_SECONDS <= 15


@pytest.mark.server("sshd")
def test_a_frozen_peer_is_lost(sshd, loop: Loop, tmp_path: Path) -> None:
    links = [connect(sshd.host(way=way), loop=loop, alive_seconds=1) for way in Way]
    for link in links:
        link.write(str(tmp_path / "x"), b"")
    sshd.freeze()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(link.read, str(tmp_path / "x")) for link in links]
        asked += [pool.submit(link.run, Command(("true",))) for link in links]
        faults = [waiting.exception(30) for waiting in asked]
    assert [type(fault) for fault in faults] == [Unreachable] * 4
    _until(lambda: not any(link.is_up for link in links))
    sshd.thaw()
    for link in links:
        link.close()


def _until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)
