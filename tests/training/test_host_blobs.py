"""Files that travel: cut anywhere, they go on where they were, and arrive as they were sent or not at all."""

from __future__ import annotations

import hashlib
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.training.hosts import blobs
from lrstudio.training.hosts.connect import connect
from lrstudio.training.hosts.far_files import STEP_BACK
from lrstudio.training.hosts.host import Way
from lrstudio.training.hosts.link import Link
from lrstudio.training.hosts.loop import Loop
from lrstudio.training.hosts.transport import Unreachable
from tests.doubles.ssh_faults import FaultyServer

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the servers of these tests are POSIX ones")


class Stopped(Exception):
    """What a caller's own progress raises."""


SIZE = 3 * STEP_BACK
MIB = 1 << 20


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(random.Random(7).randbytes(SIZE))
    return path


@pytest.fixture
def dial(faulty: FaultyServer, loop: Loop) -> Iterator[Callable[[], Link]]:
    made: list[Link] = []

    def again() -> Link:
        made.append(connect(faulty.host(), loop=loop))
        return made[-1]

    yield again
    for link in made:
        link.close()


def test_an_upload_goes_on_where_it_was_cut(dial: Callable[[], Link], faulty: FaultyServer, source: Path) -> None:
    faulty.cut_after(SIZE * 2 // 3)
    with pytest.raises(Unreachable):
        dial().upload(source, "a/final")
    assert not (faulty.far / "a" / "final").exists()
    (unfinished,) = (faulty.far / "a").iterdir()
    have, before = unfinished.stat().st_size, faulty.sent
    assert have > STEP_BACK

    told: list[int] = []
    dial().upload(source, "a/final", progress=lambda done, size: told.append(done))

    assert (faulty.far / "a" / "final").read_bytes() == source.read_bytes()
    assert faulty.sent - before <= SIZE - have + STEP_BACK
    assert told[-1] == SIZE
    assert told == sorted(told)
    assert [it.name for it in (faulty.far / "a").iterdir()] == ["final"]


def test_a_download_goes_on_where_it_was_cut(
    dial: Callable[[], Link], faulty: FaultyServer, source: Path, tmp_path: Path
) -> None:
    source.replace(faulty.far / "x")
    target = tmp_path / "deep" / "target"
    faulty.cut_after(SIZE * 2 // 3)
    with pytest.raises(Unreachable):
        dial().download("x", target)
    assert not target.exists()
    (unfinished,) = target.parent.iterdir()
    have = unfinished.stat().st_size
    assert have >= STEP_BACK

    told: list[int] = []
    faulty.cut_after(SIZE - have)  # so much and no more may pass
    dial().download("x", target, progress=lambda done, size: told.append(done))

    assert target.read_bytes() == (faulty.far / "x").read_bytes()
    assert told[-1] == SIZE
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.server("sshd")
@pytest.mark.parametrize("way", Way)
def test_files_pass_a_real_server(sshd, way: Way, loop: Loop, source: Path, tmp_path: Path) -> None:
    link = connect(sshd.host(way=way), loop=loop)
    place = blobs.put(link, source, folder=str(tmp_path / "far"))
    assert place == str(tmp_path / "far" / "blobs" / hashlib.sha256(source.read_bytes()).hexdigest())
    assert Path(place).read_bytes() == source.read_bytes()
    inode = Path(place).stat().st_ino
    blobs.put(link, source, folder=str(tmp_path / "far"))
    assert Path(place).stat().st_ino == inode
    link.download(place, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    link.close()


def test_what_is_there_already_is_not_sent(dial: Callable[[], Link], faulty: FaultyServer, source: Path) -> None:
    link = dial()
    link.upload(source, "x")
    before = faulty.sent
    link.upload(source, "x")
    assert faulty.sent == before
    (faulty.far / "x").write_bytes(b"other")
    link.upload(source, "x")
    assert (faulty.far / "x").read_bytes() == source.read_bytes()


def test_an_empty_file_travels(dial: Callable[[], Link], faulty: FaultyServer, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    link = dial()
    link.upload(tmp_path / "empty", "x")
    link.download("x", tmp_path / "back")
    assert (faulty.far / "x").read_bytes() == (tmp_path / "back").read_bytes() == b""


def test_a_spoiled_beginning_is_sent_anew(dial: Callable[[], Link], faulty: FaultyServer, source: Path) -> None:
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    (faulty.far / f".x.{sha256[:16]}.part").write_bytes(b"\0" * (SIZE - 5))
    dial().upload(source, "x")
    assert (faulty.far / "x").read_bytes() == source.read_bytes()


def test_bytes_that_change_on_the_way_never_take_the_name(
    dial: Callable[[], Link], faulty: FaultyServer, source: Path
) -> None:
    faulty.lies = True
    with pytest.raises(Environment, match="not those that were sent") as caught:
        dial().upload(source, "x")
    assert caught.value.where == "faulty:x"
    assert list(faulty.far.iterdir()) == []


def test_a_download_of_other_bytes_never_takes_the_name(
    dial: Callable[[], Link], faulty: FaultyServer, tmp_path: Path
) -> None:
    (faulty.far / "x").write_bytes(b"what is there")
    with pytest.raises(Environment, match="not those that were asked for"):
        dial().download("x", tmp_path / "target", sha256=hashlib.sha256(b"what was asked for").hexdigest())
    assert not list(tmp_path.glob("*target*"))


def test_a_full_disk_is_said_before_it_is_filled(dial: Callable[[], Link], faulty: FaultyServer, source: Path) -> None:
    faulty.free = MIB
    with pytest.raises(Environment, match=r"the disk of faulty is full: 12.0 MiB .* 1.0 MiB") as caught:
        dial().upload(source, "x")
    assert not isinstance(caught.value, Unreachable)
    assert caught.value.where.startswith("faulty:.x.")
    assert faulty.sent == 0
    assert list(faulty.far.iterdir()) == []


def test_a_disk_that_fills_on_the_way_leaves_nothing(
    dial: Callable[[], Link], faulty: FaultyServer, source: Path
) -> None:
    link = dial()
    faulty.free = SIZE

    faulty.fills_at = SIZE // 2

    with pytest.raises(Environment, match="the disk of faulty is full"):
        link.upload(source, "x")
    assert list(faulty.far.iterdir()) == []

    faulty.fills_at = faulty.free = None
    link.upload(source, "x")
    assert (faulty.far / "x").read_bytes() == source.read_bytes()


def test_a_small_file_on_a_full_disk_leaves_nothing(dial: Callable[[], Link], faulty: FaultyServer) -> None:
    link = dial()
    link.write("x", b"old")
    faulty.free = 2
    with pytest.raises(Environment, match="faulty") as caught:
        link.write("x", b"new")
    assert caught.value.where == "faulty:x"
    assert [it.read_bytes() for it in faulty.far.iterdir()] == [b"old"]


def test_what_progress_raises_ends_a_transfer_that_may_go_on(
    dial: Callable[[], Link], faulty: FaultyServer, source: Path
) -> None:
    def stop(done: int, size: int) -> None:
        raise Stopped

    link = dial()
    with pytest.raises(Stopped):
        link.upload(source, "x", progress=stop)
    assert not (faulty.far / "x").exists()
    link.upload(source, "x")
    assert (faulty.far / "x").read_bytes() == source.read_bytes()


def test_a_missing_file_is_named(dial: Callable[[], Link], faulty: FaultyServer, tmp_path: Path) -> None:
    with pytest.raises(Environment, match=r"faulty:nowhere: faulty has no such file"):
        dial().download("nowhere", tmp_path / "target")
    with pytest.raises(Refused, match="cannot be read"):
        dial().upload(tmp_path / "nowhere", "x")


def test_a_host_without_sha256sum_is_asked_otherwise(
    dial: Callable[[], Link], faulty: FaultyServer, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").symlink_to(sys.executable)
    (faulty.far / "x").write_bytes(b"bytes")
    faulty.path = str(tools)
    assert blobs.far_sha256(dial(), "x") == hashlib.sha256(b"bytes").hexdigest()
    faulty.path = str(tmp_path)
    with pytest.raises(Environment, match=r"faulty:x.*cannot be hashed"):
        blobs.far_sha256(dial(), "x")


def test_a_target_that_cannot_be_written_is_named(
    dial: Callable[[], Link], faulty: FaultyServer, tmp_path: Path
) -> None:
    (faulty.far / "x").write_bytes(b"bytes")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Environment, match="cannot be written") as caught:
        dial().download("x", tmp_path / "file" / "target")
    assert not isinstance(caught.value, Unreachable)
    assert str(tmp_path / "file") in caught.value.where
