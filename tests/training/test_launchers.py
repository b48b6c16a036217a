"""Which launcher a host has, and what is said where there is no scheduler."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path

import pytest

from lrstudio.domain.errors import Environment
from lrstudio.training.hosts.host import Host, Scheduler
from lrstudio.training.hosts.launch_detached import DetachedLauncher
from lrstudio.training.hosts.launch_ray import RayLauncher
from lrstudio.training.hosts.launch_slurm import SlurmLauncher, seconds_of
from lrstudio.training.hosts.launchers import launcher_for
from lrstudio.training.hosts.transport import Command, Ran, Unreachable
from tests.doubles.folder_host import FolderHost


class Answering(FolderHost):
    """A host on which every command ends so."""

    def __init__(self, home: Path, *, status: int, out: str = "", err: str = "") -> None:
        super().__init__(home)
        self.ran = Ran(status, out.encode(), err.encode())
        self.asked: list[tuple[str, ...]] = []

    def run(self, command: Command) -> Ran:
        self.asked.append(tuple(command.words))
        return self.ran


def test_a_host_has_the_launcher_of_its_scheduler(tmp_path: Path) -> None:
    kinds = {Scheduler.NONE: DetachedLauncher, Scheduler.SLURM: SlurmLauncher, Scheduler.RAY: RayLauncher}
    for scheduler, kind in kinds.items():
        assert type(launcher_for(Host("box", "box", scheduler=scheduler), FolderHost(tmp_path))) is kind


@pytest.mark.parametrize(
    ("said", "turn"),
    [("RUNNING", "works"), ("COMPLETING", "works"), ("PENDING", "waits"), ("REQUEUE_HOLD", "waits"),
     ("TIMEOUT", "over"), ("CANCELLED", "over"), ("A_WORD_OF_NEXT_YEAR", "works")],
)  # fmt: skip
def test_a_word_that_is_not_known_is_no_proof_that_a_job_is_over(tmp_path: Path, said: str, turn: str) -> None:
    host = Answering(tmp_path, status=0, out=f"7|{said}|None|N/A|node1\n")
    assert SlurmLauncher(host, {}).standing("a.1").turn == turn


def test_the_job_that_works_speaks_for_all_of_its_name(tmp_path: Path) -> None:
    host = Answering(tmp_path, status=0, out="7|COMPLETED|None|N/A|a\n9|RUNNING|None|N/A|b\n8|PENDING|None|N/A|\n")
    said = SlurmLauncher(host, {}).standing("a.1")
    assert (said.turn, said.place) == ("works", "b")


def test_what_cannot_be_asked_is_not_over(tmp_path: Path) -> None:
    down = Answering(tmp_path, status=1, err="slurm_load_jobs error: Unable to contact slurm controller (connect)")
    with pytest.raises(Unreachable):
        SlurmLauncher(down, {}).standing("a.1")
    with pytest.raises(Environment, match="not on this host's path") as absent:
        SlurmLauncher(Answering(tmp_path, status=127, err="sh: squeue: not found"), {}).standing("a.1")
    assert not isinstance(absent.value, Unreachable)
    with pytest.raises(Environment, match="python3"):
        RayLauncher(Answering(tmp_path, status=127, err="sh: python3: not found"), {}).standing("a.1 /x")


@pytest.mark.parametrize(("time", "seconds"), [("00:01:00", 60), ("12:00:30", 43230), ("2-01:00:00", 176400)])
def test_a_time_limit_is_read(time: str, seconds: int) -> None:
    assert seconds_of(time) == seconds


class OfSomethingElse(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404, "what is this?")

    def log_message(self, *_: object) -> None:
        pass


def test_a_server_that_is_no_ray_has_not_forgotten_a_job(tmp_path: Path) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), OfSomethingElse) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(Environment, match="is no Ray") as other:
            RayLauncher(FolderHost(tmp_path), {"address": address}).standing("a.1 /x")
        server.shutdown()
    assert not isinstance(other.value, Unreachable)
    with pytest.raises(Unreachable, match="does not answer"):
        RayLauncher(FolderHost(tmp_path), {"address": address}).standing("a.1 /x")
    with pytest.raises(Unreachable):
        RayLauncher(FolderHost(tmp_path), {"address": "$(touch pwned) 'x"}).standing("a.1 /x")
    assert not list(tmp_path.rglob("pwned"))
