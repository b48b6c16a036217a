"""Jobs that are processes of their own on a host: started once, told apart by more than a pid, ended gently or not."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrstudio.domain.errors import Environment
from lrstudio.training.hosts.launch_detached import DetachedLauncher
from lrstudio.training.hosts.launcher import Job, Turn
from lrstudio.training.hosts.transport import Command, Ran
from tests.doubles.folder_host import FolderHost
from tests.doubles.toy_runs import until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a host has a POSIX shell")

HOSTILE = "a 'b' $(touch gone) \"c\" `touch gone`\n;touch gone"


class Host(FolderHost):
    """A host with programs of its own before the others."""

    def run(self, command: Command) -> Ran:
        path = f"{self.home / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return super().run(Command(command.words, {"PATH": path, **command.environment}, command.input))

    def program(self, name: str, script: str) -> None:
        path = self.home / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path / "box")
    made.program("loginctl", "exit 1")
    (made.home / "run").mkdir()
    return made


@pytest.fixture
def launcher(host: Host) -> Iterator[DetachedLauncher]:
    made = DetachedLauncher(host)
    yield made
    for name in os.listdir(host.home / "run" / "job") if (host.home / "run" / "job").is_dir() else ():
        made.end(f"{name} {host.home / 'run'}", at_once=True)


def job(host: Host, *words: str, key: str = "k", **more: str) -> Job:
    return Job(key, str(host.home / "run"), words, more)


def python(code: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *words)


def test_a_job_gets_its_words_and_environment_as_they_are(host: Host, launcher: DetachedLauncher) -> None:
    code = "import os, sys; print(repr((sys.argv[1:], os.environ['X'], os.getcwd())))"
    handle = launcher.start(job(host, *python(code, HOSTILE, ""), X=HOSTILE))
    until(lambda: launcher.standing(handle).turn is Turn.OVER)
    said = (host.home / "run" / "supervisor.log").read_text()
    assert said.strip() == repr(([HOSTILE, ""], HOSTILE, str(host.home / "run")))
    assert not list(host.home.rglob("gone"))


def test_a_key_starts_one_job_whatever_the_link_does(host: Host, launcher: DetachedLauncher) -> None:
    code = "import time; print('begun', flush=True); time.sleep(60)"
    host.link.lose = True
    for _ in range(2):
        with pytest.raises(Environment):
            launcher.start(job(host, *python(code)))
    host.link.lose = False
    handle = launcher.start(job(host, *python(code)))
    log = host.home / "run" / "supervisor.log"
    until(lambda: log.read_text())
    assert log.read_text() == "begun\n"
    assert launcher.standing(handle).turn is Turn.WORKS
    other = launcher.start(job(host, *python(code), key="another"))
    until(lambda: log.read_text() == "begun\nbegun\n")
    launcher.end(handle, at_once=True)
    until(lambda: launcher.standing(handle).turn is Turn.OVER)
    assert launcher.standing(other).turn is Turn.WORKS
    assert launcher.standing(f"none {host.home / 'run'}").turn is Turn.NEVER
    assert launcher.standing(f"none {host.home / 'nowhere'}").turn is Turn.NEVER


def test_a_process_of_another_start_or_boot_is_not_the_job(host: Host, launcher: DetachedLauncher) -> None:
    handle = launcher.start(job(host, *python("import time; time.sleep(60)")))
    who = host.home / "run" / "job" / "k"
    pid, start, boot = who.read_text().split()
    for others, word in ((f"{pid} {start} before\n", "rebooted"), (f"{pid} 1 {boot}\n", "")):
        who.write_text(others)
        standing = launcher.standing(handle)
        assert (standing.turn, standing.word) == (Turn.OVER, word)
        launcher.end(handle, at_once=True)  # which leaves the stranger alone
        os.kill(int(pid), 0)
    who.write_text(f"{pid} {start} {boot}\n")
    assert launcher.standing(handle).turn is Turn.WORKS


def test_a_gentle_end_asks_the_job_alone(host: Host, launcher: DetachedLauncher) -> None:
    code = (
        "import signal, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time;"
        " time.sleep(60)']); signal.signal(signal.SIGTERM, lambda *_: (print(child.poll(), flush=True), child.kill(),"
        " sys.exit(0))); print('ready', flush=True); time.sleep(60)"
    )
    handle = launcher.start(job(host, *python(code)))
    log = host.home / "run" / "supervisor.log"
    until(lambda: log.read_text() == "ready\n")
    launcher.end(handle)
    until(lambda: launcher.standing(handle).turn is Turn.OVER)
    assert log.read_text() == "ready\nNone\n"


def test_what_cannot_be_started_is_told(host: Host, launcher: DetachedLauncher) -> None:
    with pytest.raises(Environment, match="not on the host"):
        launcher.start(Job("k", str(host.home / "nowhere"), ("true",)))
    handle = launcher.start(job(host, "/no/such/program"))
    until(lambda: launcher.standing(handle).turn is Turn.OVER)
    assert "/no/such/program" in (host.home / "run" / "supervisor.log").read_text()


def test_a_host_that_ends_processes_at_logout_is_asked_to_let_them_linger(
    host: Host, launcher: DetachedLauncher
) -> None:
    host.program("id", f'[ "$1" = -u ] && echo 1000 || exec {shutil.which("id")} "$@"')  # root's stay anyway
    kills = 'case "$*" in *KillUserProcesses*) echo KillUserProcesses=yes;; *) echo Linger={};; esac'
    host.program("loginctl", kills.format("no"))
    with pytest.raises(Environment, match="enable-linger"):
        launcher.start(job(host, "true"))
    assert not (host.home / "run" / "job" / "k").exists()
    host.program("loginctl", kills.format("yes"))
    host.program("systemd-run", 'echo "$*" >>"$HOME/scopes"; while [ "$1" != sh ]; do shift; done; exec "$@"')
    handle = launcher.start(job(host, "true"))
    until(lambda: launcher.standing(handle).turn is Turn.OVER)
    assert "--user --scope" in (host.home / "scopes").read_text()
    assert "--unit=lrstudio-k" in (host.home / "scopes").read_text()
