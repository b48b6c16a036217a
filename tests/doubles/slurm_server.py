"""A real Slurm of the tests' own: one node that is this machine, one GPU that is none, all in a temporary folder."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lrstudio.training.hosts.transport import Command, Ran
from tests.doubles.folder_host import FolderHost

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
_SECONDS = 60

_SETTINGS = """
ClusterName=tests
SlurmctldHost={name}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
MessageTimeout=2
KillWait=10
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
NodeName={name} NodeAddr=127.0.0.1 CPUs={cpus} Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes={name} Default=YES MaxTime=INFINITE State=UP
"""


def program(name: str) -> str:
    """Return where a program of Slurm is, "" where it is not installed; the servers may be off the path."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])) or ""


def missing() -> str:
    """Say why there can be no such server here, "" where there can."""
    absent = [name for name in PROGRAMS if not program(name)]
    if absent:
        return f"Slurm is not installed: there is no {absent[0]}"
    return "" if Path("/sys/fs/cgroup").is_dir() else "Slurm needs /sys/fs/cgroup"


class SlurmServer:
    """munged, slurmctld and slurmd, as the user who runs the tests. Commands find them by `login`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lrstudio-slurm-"))
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            other.bind(("127.0.0.1", 0))
            controller, node = one.getsockname()[1], other.getsockname()[1]
        name = socket.gethostname().split(".")[0]
        fields = {"name": name, "controller": controller, "node": node, "user": getpass.getuser()}
        settings = _SETTINGS.format(folder=self.folder, cpus=os.cpu_count() or 1, **fields)
        (self.folder / "slurm.conf").write_text(settings)
        (self.folder / "gres.conf").write_text(f"NodeName={name} Name=gpu Count=1 File=/dev/null\n")
        (self.folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
        (self.folder / "munge.key").write_bytes(secrets.token_bytes(1024))
        (self.folder / "munge.key").chmod(0o600)
        self.login = {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": f"{os.environ['PATH']}:/usr/sbin"}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        places = {"socket": "munge.socket", "key-file": "munge.key", "log-file": "munged.log"}
        places |= {"pid-file": "munged.pid", "seed-file": "munge.seed"}
        self._begin("munged", "--foreground", "--force", *(f"--{it}={self.folder / at}" for it, at in places.items()))
        self._until(lambda: (self.folder / "munge.socket").exists())
        self.start()
        self._begin("slurmd", "-D")
        self._until(lambda: self.ask("sinfo", "--noheader", "--format=%T") == "idle")

    def start(self) -> None:
        """Start the controller, and wait until it answers."""
        self._begin("slurmctld", "-D")
        self._until(lambda: self.ask("scontrol", "ping").endswith("is UP"))

    def stop(self) -> None:
        """Stop the controller; the node and what runs there go on."""
        self._end("slurmctld", signal.SIGTERM)

    def ask(self, *words: str) -> str:
        """Run a program of Slurm's, past everything that is tested, and return what it says."""
        environment = {**os.environ, **self.login}
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=False).stdout.strip()

    def empty(self) -> None:
        """End every job."""
        while numbers := self.ask("squeue", "--noheader", "--format=%i").split():
            self.ask("scancel", "--signal=KILL", "--full", *numbers)
            self.ask("scancel", *numbers)
            time.sleep(0.1)

    def remove(self) -> None:
        """End everything and leave nothing."""
        if "slurmctld" in self._running:
            self.empty()
        for name in ("slurmd", "slurmctld", "munged"):
            self._end(name, signal.SIGTERM)
        shutil.rmtree(self.folder)

    def host(self, home: Path) -> SlurmHost:
        """Return a host whose logins find this Slurm."""
        return SlurmHost(home, self)

    def _begin(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [program(name), *words], cwd=self.folder, env={**os.environ, **self.login}, stdout=log, stderr=log
            )

    def _end(self, name: str, number: signal.Signals) -> None:
        process = self._running.pop(name, None)
        if process is not None:
            process.send_signal(number)
            process.wait(_SECONDS)

    def _until(self, done: Callable[[], object]) -> None:
        until = time.monotonic() + _SECONDS
        while not done():
            ended = [name for name, process in self._running.items() if process.poll() is not None]
            if ended or time.monotonic() > until:
                logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.out"))
                raise RuntimeError(f"Slurm does not start ({ended}):\n{logs}")
            time.sleep(0.05)


class SlurmHost(FolderHost):
    """A host that is a folder of this machine, from which jobs are submitted."""

    def __init__(self, home: Path, server: SlurmServer) -> None:
        super().__init__(home)
        self.login = dict(server.login)

    def run(self, command: Command) -> Ran:
        return super().run(replace(command, environment={**self.login, **command.environment}))
