"""Runs on hosts that came with the project: mirrors of them, and what this computer itself knows to start for them.

A project may be somebody else's. What it says is believed as far as it names a host and a folder there; what is started
on a host is what this computer has prepared.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from lrstudio.domain.errors import Refused
from lrstudio.store.store import Store
from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts import mirror
from lrstudio.training.hosts.bootstrap import Prepared
from lrstudio.training.hosts.mirror import Away


def attached(store: Store, *, home: Path) -> tuple[str, ...]:
    """Make mirrors of the runs on hosts that a project names and this computer has not, and return them.

    Raises:
        Refused: the project calls a run by a path.
        Environment: the folder of the runs cannot be written.
    """
    made = []
    for named in store.remote_runs.all():
        if named.run_id != Path(named.run_id).name or named.run_id.startswith("."):
            raise Refused("this is no id of a run; the project was not written by the studio", where=named.run_id)
        run = home / named.run_id
        if mirror.is_mirror(run):
            continue
        said = Away.read(json.loads(named.away))
        away = replace(said, python=(), path="", home="", take_over=False, starts=said.starts if said.handle else 0)
        if not run.exists():
            RunFolder.create(run, wire.spec_of(named.spec, where=named.run_id))
        mirror.make(run, away)
        made.append(named.run_id)
    return tuple(made)


def learn(run: Path, prepared: Prepared | None) -> None:
    """Write into the mirror of a run that came with the project what is to be started on its host.

    Args:
        run: the mirror.
        prepared: what this computer finds ready there.

    Raises:
        Refused: nothing is, or the run does not lie in the studio's folder there.
    """
    away = mirror.away_of(run)
    if prepared is None:
        raise Refused("this computer has not prepared the host; prepare it", where=away.host.name)
    if not away.folder.startswith(f"{prepared.folder}/runs/") or ".." in away.folder.split("/"):
        raise Refused(
            f"the run lies in {away.folder}, outside of the studio's folder of this host ({prepared.folder}); set the "
            "folder in the form of the host",
            where=away.host.name,
        )
    mirror.write_away(run, replace(away, python=prepared.python, path=prepared.package, home=prepared.folder))
