"""The hosts of a person, each a folder of this machine, and training on them with the toy worker."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from lrstudio.domain.errors import Refused
from lrstudio.services.training import Training
from lrstudio.services.wiring import Project
from lrstudio.training.hosts.bootstrap import Prepared, Stage, Step
from lrstudio.training.hosts.host import Host
from tests.doubles.folder_host import FolderHost
from tests.doubles.trained_project import ROOT, TOY


class Boxes:
    """Hosts by name, and the links to them."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.links = {name: FolderHost(folder / name) for name in names}

    def get(self, name: str) -> Host:
        if name not in self.links:
            raise Refused(f"there is no host {name!r}; add it first", where="host")
        return Host(name, name)

    def transport(self, name: str) -> FolderHost:
        self.get(name)
        return self.links[name]

    def prepare(self, name: str, *, progress: Callable[[Step], None], cancelled: Callable[[], bool]) -> Prepared:
        del cancelled
        progress(Step(Stage.CHECK, f"{name} is ready"))
        return self.prepared(name)

    def prepared(self, name: str) -> Prepared:
        return Prepared(str(self.links[name].home / "lrstudio"), (sys.executable,), str(ROOT), "w")


def box_training(project: Project, boxes: Boxes) -> Training:
    """Return the training of a project with the toy worker, here and on the boxes."""
    return Training(
        project._store, pairs=project.pairs, sets=project.sets, judging=project.judging, hosts=lambda: boxes, worker=TOY
    )
