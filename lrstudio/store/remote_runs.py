"""Runs on other machines, as the project knows them: what another computer needs to find them."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from lrstudio.store import remote_tables as r
from lrstudio.store.connect import Connections
from lrstudio.store.dialects import insert


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """A run on a host: since when, where (host, folder, job) and what it is to do, the latter two as JSON."""

    run_id: str
    time: str
    away: str
    spec: str


class RemoteRuns:
    """The runs on hosts that a project names. Where they stand is on the hosts and in their mirrors."""

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def put(self, run: RemoteRun) -> None:
        """Name a run, or say anew where it is and what it is to do; since when stays."""
        values = {"run_id": run.run_id, "time": run.time, "away": run.away, "spec": run.spec}
        again = {"away": run.away, "spec": run.spec}
        with self._at.write() as connection:
            statement = insert(r.remote_run).on_conflict_do_update(index_elements=["run_id"], set_=again)
            connection.execute(statement, values)

    def all(self) -> tuple[RemoteRun, ...]:
        """List the runs by their ids, which begin with their numbers."""
        with self._at.read() as connection:
            rows = connection.execute(sa.select(r.remote_run).order_by(r.remote_run.c.run_id))
            return tuple(RemoteRun(row.run_id, row.time, row.away, row.spec) for row in rows)

    def remove(self, run_id: str) -> None:
        """Name a run no more."""
        with self._at.write() as connection:
            connection.execute(r.remote_run.delete().where(r.remote_run.c.run_id == run_id))
