"""Who a host is, and who is let in: known hosts, accepted keys, the agent, jump hosts."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrstudio.domain.errors import Refused
from lrstudio.training.hosts import host_keys
from lrstudio.training.hosts.address import Address
from lrstudio.training.hosts.connect import accept, connect
from lrstudio.training.hosts.host import Host, Way
from lrstudio.training.hosts.host_keys import ChangedHostKey, UnknownHostKey
from lrstudio.training.hosts.loop import Loop
from lrstudio.training.hosts.transport import Command, Unreachable
from tests.doubles.sshd_server import SshdServer

pytestmark = pytest.mark.server("sshd")

both_ways = pytest.mark.parametrize("way", Way)


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def second(sshd: SshdServer) -> Iterator[SshdServer]:
    """Another server, with keys of its own, which takes the first one's key too."""
    server = SshdServer()
    shutil.copy(sshd.folder / "authorized_keys", server.folder / "authorized_keys")
    yield server
    server.remove()


def fingerprint(server: SshdServer) -> str:
    said = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(server.host_key.with_suffix(".pub"))], capture_output=True, text=True, check=True
    )
    return said.stdout.split()[1]


def works(host: Host, loop: Loop) -> bool:
    link = connect(host, loop=loop)
    try:
        return link.run(Command(("echo", "here"))).out == b"here\n"
    finally:
        link.close()


@both_ways
def test_an_unknown_host_is_accepted_once(sshd: SshdServer, way: Way, loop: Loop, isolated_home: Path) -> None:
    known = isolated_home / ".ssh" / "known_hosts"
    known.write_text("another.example ssh-ed25519 AAAA")  # without an end of its line
    host = sshd.host(way=way)

    with pytest.raises(UnknownHostKey) as caught:
        connect(host, loop=loop)
    unknown = caught.value
    assert (unknown.kind, unknown.fingerprint) == ("ssh-ed25519", fingerprint(sshd))
    assert unknown.machine == unknown.where == f"[127.0.0.1]:{sshd.port}"
    assert unknown.fingerprint in str(unknown)

    with pytest.raises(Refused, match=re.escape(unknown.fingerprint)):
        accept(host, "SHA256:another", loop=loop)
    assert known.read_text().count("\n") == 0

    accept(host, unknown.fingerprint, loop=loop)
    assert known.read_text() == f"another.example ssh-ed25519 AAAA\n{sshd.known()}"
    assert works(host, loop)
    accept(host, unknown.fingerprint, loop=loop)
    assert known.read_text().count(sshd.known()) == 1


def test_a_first_key_makes_the_folder(sshd: SshdServer, loop: Loop, isolated_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "known_hosts"
    (isolated_home / ".ssh" / "config").write_text(f"UserKnownHostsFile {file}\nIdentityFile {sshd.key}\n")
    accept(sshd.host(), fingerprint(sshd), loop=loop)
    assert file.read_text() == sshd.known()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@both_ways
def test_a_changed_key_is_refused_with_both(second: SshdServer, way: Way, loop: Loop, isolated_home: Path) -> None:
    second.home(isolated_home)
    known, before = isolated_home / ".ssh" / "known_hosts", fingerprint(second)
    kept = known.read_text()
    second.stop()
    second.change_key()
    second.start()

    with pytest.raises(ChangedHostKey) as caught:
        connect(second.host(way=way), loop=loop)
    assert caught.value.before == (before,)
    assert caught.value.fingerprint == fingerprint(second) != before
    assert before in str(caught.value)
    assert fingerprint(second) in str(caught.value)
    with pytest.raises(ChangedHostKey):
        accept(second.host(way=way), fingerprint(second), loop=loop)
    assert known.read_text() == kept


@both_ways
def test_a_key_of_another_kind_is_a_changed_one(sshd: SshdServer, way: Way, loop: Loop, isolated_home: Path) -> None:
    key = isolated_home / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(key)], check=True)
    kind, text = key.with_suffix(".pub").read_text().split()[:2]
    (isolated_home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{sshd.port} {kind} {text}\n")
    with pytest.raises(ChangedHostKey) as caught:
        connect(sshd.host(way=way), loop=loop)
    assert caught.value.fingerprint == fingerprint(sshd)


def test_a_key_of_the_same_machine_at_another_port_counts_for_nothing(
    sshd: SshdServer, loop: Loop, isolated_home: Path
) -> None:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    (isolated_home / ".ssh" / "known_hosts").write_text(f"127.0.0.1 {other}\n")
    with pytest.raises(UnknownHostKey):
        connect(sshd.host(), loop=loop)


@both_ways
def test_a_config_that_trusts_everybody_is_not_followed(
    sshd: SshdServer, way: Way, loop: Loop, isolated_home: Path
) -> None:
    sshd.home(isolated_home, known=False, more="StrictHostKeyChecking no\nUserKnownHostsFile none\n")
    (isolated_home / ".ssh" / "known_hosts").unlink()
    with pytest.raises(UnknownHostKey):
        connect(sshd.host(way=way), loop=loop)


@both_ways
def test_an_alias_stands_for_its_host(sshd: SshdServer, way: Way, loop: Loop, isolated_home: Path) -> None:
    alias = f"Host gpu\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {sshd.user}\n  HostKeyAlias the-gpu\n"
    sshd.home(isolated_home, more=alias)
    host = sshd.host(address="gpu", way=way)
    with pytest.raises(UnknownHostKey) as caught:
        connect(host, loop=loop)
    assert caught.value.machine == "the-gpu"
    accept(host, caught.value.fingerprint, loop=loop)
    assert works(host, loop)


@both_ways
def test_a_jump_host_is_known_by_its_own_key(
    sshd: SshdServer, second: SshdServer, way: Way, loop: Loop, isolated_home: Path
) -> None:
    """The config is one file, so that both servers take the first one's key."""
    jump = f"Host inner\n  HostName 127.0.0.1\n  Port {second.port}\n  User {second.user}\n  ProxyJump outer\n"
    jump += f"Host outer\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {sshd.user}\n"
    # What ssh starts for a jump reads the config that it was given, but not what it was told otherwise.
    sshd.home(isolated_home, more=jump)
    (isolated_home / ".ssh" / "known_hosts").unlink()
    host = second.host(address="inner", way=way)
    for server in (sshd, second):
        with pytest.raises(UnknownHostKey) as caught:
            connect(host, loop=loop)
        assert caught.value.fingerprint == fingerprint(server)
        host_keys.accept(caught.value)
    assert works(host, loop)


def test_jump_hosts_that_lead_in_a_ring_end(sshd: SshdServer, loop: Loop, isolated_home: Path) -> None:
    sshd.home(isolated_home, more="Host one\n  ProxyJump two\nHost two\n  ProxyJump one\n")
    with pytest.raises(Refused, match="without an end"):
        connect(sshd.host(address="one"), loop=loop)


@both_ways
def test_who_has_no_key_is_not_let_in(sshd: SshdServer, way: Way, loop: Loop, isolated_home: Path) -> None:
    sshd.home(isolated_home, key=False, known=False, more="IdentityFile /nowhere\nIdentitiesOnly yes\n")
    with pytest.raises(Refused, match="ssh-copy-id"):
        connect(sshd.host(way=way), loop=loop)


@both_ways
def test_a_key_with_a_passphrase_is_the_agents(
    sshd: SshdServer, way: Way, loop: Loop, isolated_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is asked for the passphrase; the agent that was told has the key."""
    locked = isolated_home / "locked"
    shutil.copy(sshd.key, locked)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(locked)], check=True)
    sshd.home(isolated_home, key=False, known=False, more=f"IdentityFile {locked}\n")
    with pytest.raises(Refused, match="ssh-add"):
        connect(sshd.host(way=way), loop=loop)

    socket = isolated_home / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        while subprocess.run(["ssh-add", "-q", str(sshd.key)], capture_output=True).returncode:
            assert agent.poll() is None
        assert works(sshd.host(way=way), loop)
    finally:
        agent.terminate()
        agent.wait()


@both_ways
def test_a_broken_config_is_named(sshd: SshdServer, way: Way, loop: Loop, isolated_home: Path) -> None:
    (isolated_home / ".ssh" / "config").write_text("Host *\n  Port many\n")
    with pytest.raises(Refused, match=r"ssh/config"):
        connect(sshd.host(way=way), loop=loop)


@both_ways
def test_a_host_that_is_not_there_is_out_of_reach(sshd: SshdServer, way: Way, loop: Loop) -> None:
    sshd.stop()
    with pytest.raises(Unreachable, match=r"(?i)cannot be reached .*connection refused"):
        connect(sshd.host(way=way), loop=loop)
    named = sshd.host(address=sshd.address.replace("127.0.0.1", "localhost"), way=way)  # which often has two
    with pytest.raises(Unreachable, match=r"(?i)cannot be reached \([^()]*connection refused\)$"):
        connect(named, loop=loop)
    with pytest.raises(Unreachable, match="cannot be reached"):
        connect(sshd.host(address="nowhere.invalid", way=way), loop=loop)


def test_a_shared_connection_of_the_person_is_used(sshd: SshdServer, loop: Loop, isolated_home: Path) -> None:
    """It may have been opened with a second factor, for which nobody is asked again."""
    control = isolated_home / "m"
    sshd.home(isolated_home, known=False, more=f"ControlPath {control}\n")
    config = str(isolated_home / ".ssh" / "config")
    words = ["ssh", "-F", config, "-p", str(sshd.port), "-M", "-N", "-f", f"{sshd.user}@127.0.0.1"]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    try:
        sshd.home(isolated_home, key=False, known=False, more=f"ControlPath {control}\nIdentityFile /nowhere\n")
        assert works(sshd.host(way=Way.OPENSSH), loop)
        assert control.exists()
        link = connect(sshd.host(way=Way.OPENSSH), loop=loop, alive_seconds=1)
        sshd.freeze()
        with pytest.raises(Unreachable):
            link.read("x")
        lost = threading.Event()
        link.when_lost(lambda why: lost.set())
        assert lost.wait(60)
        sshd.thaw()
        link.close()
        assert control.exists()
    finally:
        subprocess.run(["ssh", "-F", config, "-O", "exit", "x"], capture_output=True)


def test_an_address_is_read() -> None:
    assert Address.read("gpu") == Address("gpu")
    assert Address.read("ada@gpu.example:2222") == Address("gpu.example", "ada", 2222)
    assert Address.read("ada@[fe80::1%eth0]:22") == Address("fe80::1%eth0", "ada", 22)
    for wrong in ("-oProxyCommand=x", "a:99999", "a:b:c", "", "a@b@c"):
        with pytest.raises(Refused):
            Address.read(wrong)


def test_without_the_package_a_person_is_told_what_to_install(tmp_path: Path) -> None:
    code = """
import sys
import threading
sys.modules["asyncssh"] = None
from lrstudio.domain.errors import Refused
from lrstudio.training.hosts.connect import connect
from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.loop import Loop
try:
    connect(Host("a", "b"), loop=Loop())
except Refused as refused:
    print(refused)
"""
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert "pip install 'lrstudio[remote]'" in done.stdout
