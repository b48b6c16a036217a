"""Attempts to make an environment: one holder each, a silent one elsewhere is overtaken and left alone."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from lrstudio.domain.errors import Environment
from lrstudio.training.far.claims import attempts, claim
from lrstudio.training.hosts.bootstrap import Bootstrap, Step, Timing, Wanted
from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.transport import Unreachable
from tests.doubles.folder_host import FolderHost, Link
from tests.doubles.tiny_wheels import tiny_wheel

NO_ROOM = Wanted(("lr_one",), "lr_one==1.0\n", ("lr_one",), gib=1e9)  # ends before anything is installed
QUICK = Timing(tick=0.02, look=0.1, quiet=0.3, patience=0.2)


def test_of_many_who_claim_an_attempt_one_has_it(tmp_path: Path) -> None:
    claimed = []
    gate = threading.Barrier(8)

    def try_it() -> None:
        gate.wait()
        if claim(tmp_path, number=1):
            claimed.append(True)

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert claimed == [True]
    (only,) = attempts(tmp_path)
    assert (only.number, only.goes_on(), only.ended()) == (1, True, None)
    assert [it.name for it in (tmp_path / "claims").iterdir()] == ["000001"]


def test_a_silent_holder_on_another_machine_is_overtaken_and_what_it_made_is_left(tmp_path: Path) -> None:
    tiny_wheel(tmp_path / "wheels", "lr_one")
    host = Host("a", "a", wheels=str(tmp_path / "wheels"))
    far = FolderHost(tmp_path / "home")
    made = Bootstrap(host, far, wanted=NO_ROOM, timing=QUICK)
    said: list[Step] = []
    with pytest.raises(Environment, match="GiB are free there"):
        made.prepare(progress=said.append, cancelled=lambda: False)
    (home,) = (tmp_path / "home" / "lrstudio" / "env").iterdir()
    first = home / "claims" / "000001"
    (first / "ended.json").unlink()
    holder = json.loads((first / "holder.json").read_text())
    (first / "holder.json").write_text(json.dumps(holder | {"host": "elsewhere"}))
    (home / "000001").mkdir()
    said.clear()
    with pytest.raises(Environment, match="GiB are free there") as told:
        made.prepare(progress=said.append, cancelled=lambda: False)
    assert "elsewhere began this and is silent; it is begun again" in [it.said for it in said]
    assert told.value.where.endswith("000002/log")
    assert [it.number for it in attempts(home)] == [1, 2]
    assert (home / "000001").is_dir()  # nobody knows that it is over

    (first / "holder.json").write_text(json.dumps(holder))  # a process of this machine that has gone
    with pytest.raises(Environment, match="GiB are free there"):
        made.prepare(progress=said.append, cancelled=lambda: False)
    assert not (home / "000001").exists()


def test_a_link_that_stays_lost_is_told_and_the_next_call_finds_the_host(tmp_path: Path) -> None:
    tiny_wheel(tmp_path / "wheels", "lr_one")
    link = Link()
    far = FolderHost(tmp_path / "home", link=link)
    made = Bootstrap(Host("a", "a", wheels=str(tmp_path / "wheels")), far, wanted=NO_ROOM, timing=QUICK)

    def lose(step: Step) -> None:
        link.down = link.down or step.said == "packages are installed there"

    with pytest.raises(Unreachable):
        made.prepare(progress=lose, cancelled=lambda: False)
    link.down = False
    with pytest.raises(Environment, match="GiB are free there"):
        made.prepare(progress=lambda _step: None, cancelled=lambda: False)


def test_a_full_disk_and_a_cut_in_the_upload_leave_nothing_that_counts(tmp_path: Path) -> None:
    tiny_wheel(tmp_path / "wheels", "lr_one")
    link = Link(room=100_000)
    far = FolderHost(tmp_path / "home", link=link)
    made = Bootstrap(Host("a", "a", wheels=str(tmp_path / "wheels")), far, wanted=NO_ROOM, timing=QUICK)
    with pytest.raises(Environment, match="No space left"):
        made.prepare(progress=lambda _step: None, cancelled=lambda: False)
    link.room = None
    link.cut_after = 40
    with pytest.raises(Unreachable):
        made.prepare(progress=lambda _step: None, cancelled=lambda: False)
    link.down = False
    assert made.look() is None
    sent: list[Step] = []
    with pytest.raises(Environment, match="GiB are free there"):
        made.prepare(progress=sent.append, cancelled=lambda: False)
    assert (
        min(it.done for it in sent if it.said == "sending the studio" and it.done) > 40 * 4096
    )  # went on behind what was there
