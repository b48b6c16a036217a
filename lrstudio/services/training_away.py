"""Where the runs of a project lie, here and on hosts, and keeping in touch with the latter."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lrstudio.domain.errors import Refused
from lrstudio.services.training_drafts import run_folders
from lrstudio.services.training_places import runs_home
from lrstudio.services.training_preflight import Cancelled
from lrstudio.store.meta import PROJECT_ID
from lrstudio.store.store import Store
from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts.mirror import is_mirror
from lrstudio.training.listing import is_finished
from lrstudio.training.results import CHECK

if TYPE_CHECKING:
    from lrstudio.services.training_hosts import HostDoor, TrainingHosts
    from lrstudio.services.training_touch import Touch


class TrainingAway:
    """The part of `Training` that finds the folders of runs, and asks hosts about those that are there."""

    def __init__(self, store: Store, *, hosts: Callable[[], HostDoor] | None) -> None:
        self._store = store
        self._hosts = hosts

    @cached_property
    def home(self) -> Path:
        """The folder in which the runs lie, one folder each; it need not be there yet."""
        return runs_home(self._store.path, project_id=self._store.meta.get(PROJECT_ID) or "")

    @cached_property
    def away(self) -> TrainingHosts:
        """The runs that are on hosts.

        Raises:
            Refused: this project was opened without hosts.
        """
        from lrstudio.services.training_hosts import TrainingHosts

        if self._hosts is None:
            raise Refused("no hosts are known here", where="host")
        return TrainingHosts(self._store, home=self.home, hosts=self._hosts())

    def sync(self, run_id: str | None = None) -> tuple[str, ...]:
        """Ask the hosts once about a run, or all that are not finished; return those of which something is new.

        A host that cannot be asked is told of in the rows; nothing is raised for it.

        Raises:
            Refused: there is no run of this id.
        """
        folders = run_folders(self.home) if run_id is None else (self._folder(run_id),)
        names = [it.path.name for it in folders if is_mirror(it.path) and (run_id or not is_finished(it))]
        return self.away.sync(names) if names else ()

    def keep_in_touch(self, on_change: Callable[[tuple[str, ...]], None]) -> Touch:
        """Ask the hosts about the runs on them every second, in threads of its own, until what is returned is closed.

        Args:
            on_change: called from such a thread with the ids of the runs of which something is new.
        """
        from lrstudio.services.training_touch import Touch

        return Touch(self.home, sync=lambda names: self.away.sync(names), on_change=on_change)

    def fetch(
        self,
        run_id: str,
        *,
        progress: Callable[[int, int], None] = lambda _done, _of: None,
        cancelled: Cancelled = lambda: False,
    ) -> Path:
        """Fetch what a run on a host has come to, checked, and return its folder; see `TrainingHosts.fetch`.

        Of a run of this machine it is there already.
        """
        folder = self._folder(run_id)
        if is_mirror(folder.path):
            return self.away.fetch(folder, progress=progress, cancelled=cancelled)
        if not (folder.path / CHECK).is_file():
            raise Refused("this run has no result yet; it is made when the run finishes", where=run_id)
        return (folder.path / CHECK).parent

    def attach(self) -> tuple[str, ...]:
        """Make the runs on hosts that the project names, and this computer has not seen, known here; return them.

        Raises:
            Environment: the folder of the runs cannot be written.
        """
        return self.away.attach() if self._hosts is not None else ()

    def _folder(self, run_id: str) -> RunFolder:
        if not run_id or run_id != Path(run_id).name or run_id.startswith("."):
            raise Refused(f"there is no run {run_id!r} in this project", where="run")
        if not (self.home / run_id / wire.SPEC).is_file():
            raise Refused(f"there is no run {run_id!r} in this project; it may have been removed", where="run")
        return RunFolder(self.home / run_id)
