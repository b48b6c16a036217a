"""A host that answers batch files: a folder of this machine, real processes, a program in the place of vLLM."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrstudio.services.batch_waves import ROWS, Pace
from lrstudio.services.judge_batches import JudgeBatches
from lrstudio.services.wiring import Project
from lrstudio.training.hosts.batch_job import Reached
from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.launch_detached import DetachedLauncher
from tests.doubles.folder_host import FolderHost, Link

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("run_batch.py")
QUICK = Pace(look=0.02, ask=0.1, again=0.05)


@dataclass(slots=True)
class BatchHost:
    """The host; `words` are given to its program besides."""

    home: Path
    words: tuple[str, ...] = ()
    address: str = "127.0.0.1"
    link: Link = field(default_factory=Link)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.play()

    def play(self, **how: Any) -> None:
        """Say how the program is to answer from now on."""
        beside = self.home / "play.new"
        beside.write_text(json.dumps(how), encoding="utf-8")
        beside.replace(self.home / "play.json")

    def host(self, name: str = "box") -> Host:
        told = ("--play", str(self.home / "play.json"), "--told", str(self.home / "told"))
        batch = (sys.executable, str(PROGRAM), *told, *self.words)
        return Host(name, self.address, python=(sys.executable,), batch=batch)

    def reach(self, name: str) -> Reached:
        transport = FolderHost(self.home, link=self.link)
        environment = {"PYTHONPATH": str(ROOT)}
        python = (sys.executable,)
        there = str(self.home / "lrstudio")
        return Reached(self.host(name), transport, DetachedLauncher(transport), python, environment, there)

    def batches(self, project: Project, *, rows: int = ROWS) -> JudgeBatches:
        """Judge on it, asking more often than a person would."""
        return JudgeBatches(project._store, project.judging, hosts=self.host, reach=self.reach, pace=QUICK, rows=rows)

    def computed(self) -> list[str]:
        """The custom ids of the calls that were computed, as often as they were."""
        told = self.home / "told"
        return told.read_text(encoding="utf-8").split() if told.exists() else []

    def folders(self) -> list[Path]:
        """The batches that lie there."""
        return sorted((self.home / "lrstudio" / "batch").glob("*"))
