"""One connection for each host, which comes back by itself."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lrstudio.training.hosts.far_files import STEP_BACK
from lrstudio.training.hosts.host_keys import UnknownHostKey
from lrstudio.training.hosts.links import FIRST_WAIT, JITTER, Links, LinkState
from lrstudio.training.hosts.transport import Command, Unreachable

if TYPE_CHECKING:
    from tests.doubles.ssh_faults import FaultyServer

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the servers of these tests are POSIX ones")

TRUE = Command(("true",))


@pytest.fixture
def links() -> Iterator[Links]:
    links = Links(alive_seconds=1)
    yield links
    links.close()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_all_share_one_connection(links: Links, faulty: FaultyServer) -> None:
    host = faulty.host()
    assert links.state(host.name) is None
    with ThreadPoolExecutor(8) as pool:
        assert [ran.status for ran in pool.map(lambda _: links.transport(host).run(TRUE), range(8))] == [0] * 8
    assert faulty.logins == 1
    state = links.state(host.name)
    assert state
    assert (state.up, state.generation) == (True, 1)


def test_a_loss_is_told_and_the_next_call_connects_anew(links: Links, faulty: FaultyServer) -> None:
    told: list[tuple[str, LinkState]] = []
    end = links.listen(lambda name, state: told.append((name, state)))
    kept = links.transport(faulty.host())
    kept.run(TRUE)
    faulty.cut()
    until(lambda: not kept.state.up)
    assert kept.state.why
    assert kept.run(TRUE).status == 0
    assert [(name, state.up, state.generation) for name, state in told] == [
        ("faulty", True, 1),
        ("faulty", False, 1),
        ("faulty", True, 2),
    ]
    end()
    links.forget("faulty")
    assert len(told) == 3


def test_silence_is_a_loss_and_it_comes_back_alone(links: Links, faulty: FaultyServer) -> None:
    kept = links.transport(faulty.host())
    kept.run(TRUE)
    faulty.freeze()
    with pytest.raises(Unreachable):
        kept.read("x")
    until(lambda: not kept.state.up)
    faulty.thaw()
    assert kept.read("x") is None
    assert kept.state.generation == 2


def test_a_host_that_is_down_is_asked_ever_more_rarely(links: Links, faulty: FaultyServer) -> None:
    kept = links.transport(faulty.host())
    faulty.stop()
    waits = []
    for _ in range(3):
        begun = time.time()
        with pytest.raises(Unreachable):
            kept.run(TRUE)
        waits.append((kept.state.again - begun, time.time() - begun))
        kept._not_before = 0.0  # as if the time were over
    for number, (wait, took) in enumerate(waits):
        asked = FIRST_WAIT * 2**number
        assert asked * (1 - JITTER) - 0.1 < wait < asked * (1 + JITTER) + took + 0.1
    faulty.start()
    assert kept.run(TRUE).status == 0


def test_between_two_tries_nobody_is_asked(links: Links, faulty: FaultyServer) -> None:
    kept = links.transport(faulty.host())
    faulty.stop()
    with pytest.raises(Unreachable):
        kept.run(TRUE)
    kept._not_before += 60.0  # or it might be over before the next line
    faulty.start()
    until_then = kept.state
    with pytest.raises(Unreachable):
        kept.run(TRUE)
    assert faulty.logins == 0
    assert kept.state is until_then
    kept.try_now()
    assert kept.run(TRUE).status == 0


def test_a_host_that_refuses_is_not_hammered(links: Links, faulty: FaultyServer, isolated_home: Path) -> None:
    (isolated_home / ".ssh" / "known_hosts").write_text("")
    kept = links.transport(faulty.host())
    for _ in range(5):
        with pytest.raises(UnknownHostKey) as caught:
            kept.run(TRUE)
    assert faulty.logins == 1
    assert "fingerprint" in kept.state.why
    links.accept(faulty.host(), caught.value.fingerprint)
    assert kept.run(TRUE).status == 0


def test_a_host_described_anew_is_connected_anew(links: Links, faulty: FaultyServer) -> None:
    first = links.transport(faulty.host())
    first.run(TRUE)
    assert links.transport(faulty.host()) is first
    second = links.transport(faulty.host(address=f"ada@localhost:{faulty.port}"))
    assert not first.state.up
    with pytest.raises(UnknownHostKey, match="localhost"):
        second.run(TRUE)


def test_transfers_wait_out_a_loss(links: Links, faulty: FaultyServer, tmp_path: Path) -> None:
    source, size = tmp_path / "source", 3 * STEP_BACK
    source.write_bytes(random.Random(3).randbytes(size))
    kept = links.transport(faulty.host())
    faulty.cut_after(size * 2 // 3)
    kept.upload(source, "x")
    assert (faulty.far / "x").read_bytes() == source.read_bytes()
    faulty.cut_after(size * 2 // 3)
    kept.download("x", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    assert kept.state.generation == 3


def test_a_transfer_that_waits_can_be_stopped(links: Links, faulty: FaultyServer, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    source = tmp_path / "source"
    source.write_bytes(bytes(100))
    faulty.stop()
    calls = threading.Event()

    def progress(done: int, size: int) -> None:
        calls.set()
        raise Stopped

    with pytest.raises(Stopped):
        links.transport(faulty.host()).upload(source, "x", progress=progress)
    assert calls.is_set()


def test_calls_end_when_the_links_are_closed(faulty: FaultyServer, tmp_path: Path) -> None:
    links = Links()
    kept = links.transport(faulty.host())
    started = tmp_path / "started"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(kept.run, Command(("/bin/sh", "-c", f"touch {started}; sleep 30")))
        until(started.exists)
        links.close()
        with pytest.raises(Unreachable):
            waiting.result(10)
    with pytest.raises(Unreachable, match="closed"):
        kept.run(TRUE)
