"""The hosts of a person, over a real OpenSSH server: kept, probed, prepared offline, and cancelled."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.services.hosts import Hosts
from lrstudio.services.settings import SettingsStore
from lrstudio.training.hosts.bootstrap import PrepareCancelled, Prepared, Stage, Step, Timing, Wanted
from lrstudio.training.hosts.host import Host, Scheduler
from lrstudio.training.hosts.host_keys import UnknownHostKey
from lrstudio.training.hosts.links import Links
from lrstudio.training.hosts.transport import Command
from tests.doubles.sshd_server import SshdServer
from tests.doubles.tiny_wheels import tiny_wheel

WANTED = Wanted(("lr_one",), "lr_one==1.0\nlr_two==2.0\n", ("lr_one", "lr_two"), gib=0.1)
QUICK = Timing(tick=0.05, look=1.0, patience=20.0)
ODD = """far it's $(touch pwned) "x"; `touch pwned` & | > pwned"""


@pytest.fixture(scope="module")
def links() -> Iterator[Links]:
    made = Links()
    yield made
    made.close()


@pytest.fixture
def hosts(tmp_path: Path, links: Links) -> Iterator[Hosts]:
    made = Hosts(SettingsStore(tmp_path / "profile"), links=links, wanted=WANTED, timing=QUICK)
    yield made
    links.forget("loopback")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    tiny_wheel(tmp_path / "wheels", "lr_one", needs=("lr_two",))
    tiny_wheel(tmp_path / "wheels", "lr_two", version="2.0")
    return tmp_path / "wheels"


def test_hosts_are_kept_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    hosts = Hosts(SettingsStore(tmp_path))
    assert hosts.list() == ()
    one, two = Host("one", "me@one"), Host("two", "two", scheduler=Scheduler.RAY, options={"gpus": "1"})
    hosts.save(one)
    hosts.save(two)
    assert Hosts(SettingsStore(tmp_path)).list() == (one, two)
    with pytest.raises(Refused, match="another host") as refused:
        hosts.save(replace(two, name="one"), old_name="two")
    assert refused.value.where == "name"
    renamed = replace(one, name="first")
    hosts.save(renamed, old_name="one")
    assert hosts.list() == (renamed, two)
    with pytest.raises(Refused, match="'one'; there are first, two"):
        hosts.get("one")
    hosts.remove("first")
    assert hosts.list() == (two,)
    with pytest.raises(Refused, match="'first'"):
        hosts.remove("first")
    with pytest.raises(Refused) as refused:
        hosts.save(Host("three", "-l@x"))
    assert refused.value.where == "address"
    assert [it.name for it in tmp_path.iterdir()] == ["hosts.json"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "no list of hosts"),
        ('{"v": 1, "hosts": 3}', "no list of hosts"),
        ('{"v": 2, "hosts": []}', "newer studio"),
        ('{"v": 1, "hosts": [3]}', "host 1"),
        ('{"v": 1, "hosts": [{"name": "a", "address": "b", "way": "telnet"}]}', "host 'a': way: "),
        ("\udc80", "not valid JSON"),
    ],
)
def test_a_broken_file_is_named_and_left_alone(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "hosts.json"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    before = path.read_bytes()
    hosts = Hosts(SettingsStore(tmp_path))
    for action in (hosts.list, lambda: hosts.save(Host("a", "b"))):
        with pytest.raises(Refused, match=said) as refused:
            action()
        assert refused.value.where == str(path)
    assert path.read_bytes() == before


def test_a_profile_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "profile").write_text("a file")
    with pytest.raises(Environment, match="cannot be"):
        Hosts(SettingsStore(tmp_path / "profile")).save(Host("a", "b"))


@pytest.mark.server
def test_a_key_is_shown_compared_and_accepted_once(hosts: Hosts, sshd: SshdServer, isolated_home: Path) -> None:
    (isolated_home / ".ssh" / "known_hosts").write_text("")
    hosts.save(sshd.host())
    with pytest.raises(UnknownHostKey) as unknown:
        hosts.probe("loopback")
    with pytest.raises(Refused):
        hosts.accept_key("loopback", "SHA256:" + "0" * 43)
    assert (isolated_home / ".ssh" / "known_hosts").read_text() == ""
    hosts.accept_key("loopback", unknown.value.fingerprint)
    assert hosts.probe("loopback").python
    state = hosts.link("loopback")
    assert state
    assert state.up


@pytest.mark.server
def test_a_probe_tells_what_is_there_and_changes_nothing(hosts: Hosts, sshd: SshdServer, wheels: Path) -> None:
    hosts.save(sshd.host(folder=str(sshd.folder / ODD), wheels=str(wheels)))
    before = sorted(sshd.folder.iterdir())
    said: list[str] = []
    found = hosts.probe("loopback", progress=said.append)
    assert sorted(sshd.folder.iterdir()) == before
    assert said
    assert (found.usable, found.prepared, found.lingers) == (True, False, None)
    assert found.python.startswith("3.")
    assert found.disk_gib
    assert [it.name for it in found.checks if it.needed or it.passed] == [
        "python",
        "disk",
        "folder",
        "clock",
        "lingering",
    ]
    gpu = next(it for it in found.checks if it.name == "gpu")
    assert gpu.passed or gpu.todo
    assert hosts.prepared("loopback") is None
    with pytest.raises(PrepareCancelled):
        hosts.probe("loopback", cancelled=lambda: True)


@pytest.mark.server
def test_two_at_once_prepare_a_host_without_a_network_once_over_a_link_that_is_cut(
    hosts: Hosts, sshd: SshdServer, wheels: Path, tmp_path: Path
) -> None:
    host = sshd.host(folder=str(sshd.folder / ODD), wheels=str(wheels))
    hosts.save(host)
    mine: list[Step] = []
    made: dict[str, Prepared] = {}
    cut = threading.Event()

    def told(step: Step) -> None:
        mine.append(step)
        if step.said == "making an environment" and not cut.is_set():
            cut.set()
            sshd.cut()

    def other() -> None:
        cut.wait(60)
        window = Hosts(SettingsStore(tmp_path / "profile"), wanted=WANTED, timing=QUICK)
        made["other"] = window.prepare("loopback")
        window.close()

    beside = threading.Thread(target=other)
    beside.start()
    made["mine"] = hosts.prepare("loopback", progress=told)
    beside.join(60)
    assert made["mine"] == made["other"] == hosts.prepared("loopback")
    found = made["mine"]
    assert found.versions == {"lr_one": "1.0", "lr_two": "2.0"}
    assert found.folder == host.folder
    assert any("link is lost" in it.said for it in mine)
    assert any("Successfully installed" in it.said for it in mine)
    sent = [it for it in mine if it.stage is Stage.SEND]
    assert {it.said for it in sent} >= {"sending the studio", "sending lr_two-2.0-py3-none-any.whl"}
    code = "import lr_one, lrstudio, sys; sys.stdout.write(lrstudio.__file__)"
    ran = hosts.transport("loopback").run(Command((*found.python, "-c", code), found.variables))
    assert ran.out.decode() == f"{found.package}/lrstudio/__init__.py"
    home = Path(found.folder) / "env" / found.environment
    assert [it.name for it in (home / "claims").iterdir()] == ["000001"]
    assert sorted(it.name for it in home.iterdir()) == ["000001", "claims", "job.json", "ready.json", "start.log"]
    again: list[Step] = []
    assert hosts.prepare("loopback", progress=again.append) == found
    assert {it.stage for it in again} == {Stage.ASK}
    assert hosts.probe("loopback").prepared
    assert not list(sshd.folder.rglob("pwned"))
    assert not (Path.home() / "pwned").exists()

    (home / "000001" / "bin" / "python").unlink()  # the Python that it was made of is updated away
    assert hosts.prepared("loopback") is None
    tiny_wheel(wheels, "lr_three")  # another environment
    assert hosts.prepared("loopback") is None


@pytest.mark.server
def test_cancelling_leaves_nothing_that_counts_and_the_next_try_clears_up(
    hosts: Hosts, sshd: SshdServer, wheels: Path
) -> None:
    host = sshd.host(folder=str(sshd.folder / "cancelled"), wheels=str(wheels))
    hosts.save(host)
    prepare_until(hosts, "making an environment", PrepareCancelled)
    (home,) = (Path(host.folder) / "env").iterdir()
    assert sorted(it.name for it in home.iterdir()) == ["claims", "job.json", "start.log"]
    assert workers(home) == []

    killed = threading.Event()

    def kill(_said: str) -> bool:
        if (home / "000002" / "pyvenv.cfg").exists() and not killed.is_set():
            killed.set()
            os.kill(holder(home, 2), signal.SIGKILL)
        return False

    with pytest.raises(Environment, match="ended from outside"):
        hosts.prepare("loopback", cancelled=lambda: kill(""))
    assert killed.is_set()
    assert (home / "000002").exists()
    prepare_until(hosts, "making an environment", PrepareCancelled)
    assert sorted(it.name for it in home.iterdir()) == ["claims", "job.json", "start.log"]
    assert workers(home) == []
    assert hosts.prepared("loopback") is None


def prepare_until(hosts: Hosts, line: str, error: type[Exception]) -> None:
    """Cancel as soon as a line is said."""
    said: list[str] = []
    with pytest.raises(error):
        hosts.prepare("loopback", progress=lambda it: said.append(it.said), cancelled=lambda: line in said)
    assert line in said


def holder(home: Path, attempt: int) -> int:
    return int(json.loads((home / "claims" / f"{attempt:06d}" / "holder.json").read_text())["pid"])


def workers(home: Path) -> list[list[str]]:
    """List the processes that are still at an environment."""
    found = []
    for _ in range(50):
        found = [it.info["cmdline"] for it in psutil.process_iter(["cmdline"]) if str(home) in str(it.info["cmdline"])]
        if not found:
            break
        time.sleep(0.1)
    return found


@pytest.mark.server
def test_too_little_room_is_told_before_anything_is_installed(
    tmp_path: Path, links: Links, sshd: SshdServer, wheels: Path
) -> None:
    hosts = Hosts(SettingsStore(tmp_path / "profile"), links=links, wanted=replace(WANTED, gib=1e9), timing=QUICK)
    hosts.save(sshd.host(folder=str(sshd.folder / "small"), wheels=str(wheels)))
    with pytest.raises(Environment, match="GiB are free there") as told:
        hosts.prepare("loopback")
    assert told.value.where.startswith("loopback:")


@pytest.mark.server
def test_a_wheel_folder_without_wheels_is_named(hosts: Hosts, sshd: SshdServer, tmp_path: Path) -> None:
    host = sshd.host(folder=str(sshd.folder / "lacking"), wheels=str(tmp_path / "nowhere"))
    hosts.save(host)
    for name, said in (("nowhere", "no such folder"), ("profile", "no wheels in this folder")):
        hosts.save(replace(host, wheels=str(tmp_path / name)), old_name="loopback")
        with pytest.raises(Refused, match=said) as refused:
            hosts.prepare("loopback")
        assert refused.value.where == "wheels"


@pytest.mark.server
def test_an_environment_that_is_there_is_used_once_it_loads_what_training_needs(
    tmp_path: Path, links: Links, sshd: SshdServer
) -> None:
    def with_modules(*names: str) -> Hosts:
        return Hosts(SettingsStore(tmp_path / "profile"), links=links, wanted=replace(WANTED, imports=names))

    hosts = with_modules("json", "lr_missing")
    hosts.save(sshd.host(folder=str(sshd.folder / "there"), python=("/nowhere/python", "-u")))
    found = hosts.probe("loopback")
    assert (found.usable, [it.name for it in found.checks]) == (False, ["python"])
    assert "/opt/env/bin/python" in found.checks[0].todo
    hosts.save(
        sshd.host(folder=str(sshd.folder / "there"), python=("env", "A B=$C", sys.executable)), old_name="loopback"
    )
    with pytest.raises(Refused, match="lr_missing does not load") as refused:
        hosts.prepare("loopback")
    assert refused.value.where == "python"
    assert hosts.prepared("loopback") is None

    hosts = with_modules("json")
    made = hosts.prepare("loopback")
    assert (made.python, made.environment) == (("env", "A B=$C", sys.executable), "")
    assert hosts.prepared("loopback") == made
    code = "import lrstudio, os, sys; sys.stdout.write(lrstudio.__file__ + os.environ['A B'])"
    ran = hosts.transport("loopback").run(Command((*made.python, "-c", code), made.variables))
    assert ran.out.decode() == f"{made.package}/lrstudio/__init__.py$C"
