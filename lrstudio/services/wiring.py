"""The composition root: the one place that knows how everything fits together.

The store and its libraries are imported inside the functions: a window that names these functions can paint first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from lrstudio.domain.errors import Refused
from lrstudio.domain.places import Answered, DatabaseUrl, Place
from lrstudio.services.settings import SettingsStore

if TYPE_CHECKING:
    from lrstudio.services.consent import Consent
    from lrstudio.services.decisions import Decisions
    from lrstudio.services.exports import Exports
    from lrstudio.services.finding import Finding
    from lrstudio.services.frames import Frames
    from lrstudio.services.hosts import Hosts
    from lrstudio.services.imports import Imports
    from lrstudio.services.judge_batches import JudgeBatches
    from lrstudio.services.judging import Judging
    from lrstudio.services.marking import Marking
    from lrstudio.services.merging import MergeReport, Step
    from lrstudio.services.overview import JudgeOverview
    from lrstudio.services.pack_trials import PackTrials
    from lrstudio.services.packs import Packs
    from lrstudio.services.pairs import Pairs
    from lrstudio.services.queues import Queues
    from lrstudio.services.reports import Reports
    from lrstudio.services.reviewers import Reviewers
    from lrstudio.services.sampling import Sampling
    from lrstudio.services.set_exports import SetExports
    from lrstudio.services.sets import Sets
    from lrstudio.services.training import Training
    from lrstudio.services.who_when import ReviewerName
    from lrstudio.store.postgres import Password
    from lrstudio.store.store import Store


class Project:
    """An open project and what can be done with it. Safe from any thread; close it from one."""

    def __init__(self, store: Store, *, reviewer: ReviewerName, hosts: Hosts | None = None) -> None:
        from lrstudio.services.audit import Audit

        self._store = store
        self._reviewer = reviewer
        self._given_hosts = hosts
        self._lent_hosts: Callable[[], Hosts] | None = None
        self.audit = Audit(store, reviewer=reviewer)

    # What a window needs only later is imported only then: its list of questions is on screen the sooner.

    @cached_property
    def decisions(self) -> Decisions:
        """What a person says."""
        from lrstudio.services.decisions import Decisions

        return Decisions(self._store, reviewer=self._reviewer)

    @cached_property
    def pairs(self) -> Pairs:
        """Which candidate is preferred."""
        from lrstudio.services.pairs import Pairs

        return Pairs(self._store, reviewer=self._reviewer)

    @cached_property
    def sets(self) -> Sets:
        """Frozen sets of pairs."""
        from lrstudio.services.sets import Sets

        return Sets(self._store, pairs=self.pairs, reviewer=self._reviewer)

    @cached_property
    def imports(self) -> Imports:
        """Everything in."""
        from lrstudio.services.imports import Imports

        return Imports(self._store)

    @cached_property
    def judging(self) -> Judging:
        """Judge runs."""
        from lrstudio.services.judges import make_judge
        from lrstudio.services.judging import Judging
        from lrstudio.services.vectors import StoreVectors

        return Judging(self._store, make_judge=partial(make_judge, vectors=StoreVectors(self._store)))

    @cached_property
    def judge_batches(self) -> JudgeBatches:
        """Judge runs on hosts."""
        from lrstudio.services.batch_reach import BatchReach
        from lrstudio.services.judge_batches import JudgeBatches
        from lrstudio.training.hosts.launchers import launcher_for

        reach = BatchReach(self.hosts, launcher=launcher_for)
        return JudgeBatches(self._store, self.judging, hosts=self.hosts.get, reach=reach)

    @cached_property
    def training(self) -> Training:
        """Runs: training on frozen sets."""
        from lrstudio.services.training import Training

        return Training(self._store, pairs=self.pairs, sets=self.sets, judging=self.judging, hosts=lambda: self.hosts)

    @cached_property
    def hosts(self) -> Hosts:
        """Other machines that run jobs; those of the profile, whatever the project."""
        if self._lent_hosts is not None:
            return self._lent_hosts()
        return self._given_hosts or person_hosts()

    def lend_hosts(self, make: Callable[[], Hosts]) -> None:
        """Let it use the hosts that somebody else has connections to and closes, from the first time that it asks."""
        self._lent_hosts = make

    @cached_property
    def trials(self) -> PackTrials:
        """Prompt packs, tried out."""
        from lrstudio.services.pack_trials import PackTrials

        return PackTrials(self._store, self.judging)

    @cached_property
    def sampling(self) -> Sampling:
        """Candidates from a model."""
        from lrstudio.services.sampling import Sampling

        return Sampling(self._store)

    @cached_property
    def finding(self) -> Finding:
        """Search over everything."""
        from lrstudio.services.finding import Finding

        return Finding(self._store)

    @cached_property
    def marking(self) -> Marking:
        """Tags, bookmarks, notes and the guideline."""
        from lrstudio.services.marking import Marking

        return Marking(self._store, reviewer=self._reviewer)

    @cached_property
    def queues(self) -> Queues:
        """What to look at next."""
        from lrstudio.services.queues import Queues

        return Queues(self._store, reviewer=self._reviewer)

    @cached_property
    def consent(self) -> Consent:
        """Where documents may go."""
        from lrstudio.services.consent import Consent

        return Consent(self._store)

    @cached_property
    def overview(self) -> JudgeOverview:
        """Judge runs seen from above."""
        from lrstudio.services.overview import JudgeOverview

        return JudgeOverview(self._store, self.audit)

    @cached_property
    def exports(self) -> Exports:
        """Everything out."""
        from lrstudio.services.exports import Exports

        return Exports(self._store)

    @cached_property
    def set_exports(self) -> SetExports:
        """Pairs and sets out."""
        from lrstudio.services.set_exports import SetExports

        return SetExports(self._store, pairs=self.pairs, sets=self.sets)

    @cached_property
    def reports(self) -> Reports:
        """Agreement, length bias, leaderboard."""
        from lrstudio.services.reports import Reports

        return Reports(self._store)

    def frames(self) -> Frames:
        """Return the project as pandas frames; closing them closes the project."""
        from lrstudio.services.frames import Frames

        return Frames(self._store)

    @cached_property
    def reviewers(self) -> Reviewers:
        """Who decided what, and adjudication."""
        from lrstudio.services.reviewers import Reviewers

        return Reviewers(self._store, reviewer=self._reviewer)

    def merge(self, other: Project, *, dry_run: bool = False, step: Step | None = None) -> MergeReport:
        """Take over what another project holds; see `lrstudio.services.merging`."""
        from lrstudio.services.merging import merge

        return merge(self._store, other._store, dry_run=dry_run, step=step)

    @property
    def path(self) -> Place:
        """Where the project is: its file, or the shared database."""
        return self._store.path

    @property
    def title(self) -> str:
        """What the project is called, else the name of its file or database."""
        return self._store.meta.title or self.path.stem

    def data_version(self) -> int:
        """Return a number that changes when anybody, this process included, commits to the project."""
        return self._store.data_version()

    def close(self) -> None:
        """Let go of the file or the server, and of the connections that were made for this project alone."""
        made = self.__dict__.get("hosts")
        if made is not None and made is not self._given_hosts and self._lent_hosts is None:
            made.close()
        self._store.close()


def create_project(path: Place, *, title: str = "", reviewer: str = "", password: str = "") -> Project:
    """Create a project, in a file or in an empty shared database, and open it.

    A `password` that is given is used instead of one that is kept; it stays in the memory of this process.

    Raises:
        Refused: a file of that name exists, or the database holds something.
        Environment: the folder cannot be written, or the server cannot be reached.
    """
    from lrstudio.store.store import Store

    return Project(Store.create(path, title=title, password=_password(password)), reviewer=_named(reviewer))


def open_project(
    path: Place, *, reviewer: str = "", upgrade: bool = True, password: str = "", hosts: Hosts | None = None
) -> Project:
    """Open a project, upgrading an older file after copying it; without `upgrade` an older one is refused.

    A `password` that is given is used instead of one that is kept; it stays in the memory of this process. `hosts` are
    those of the profile with the connections that this process has already; they are not closed with the project.

    Raises:
        Refused: there is no such file or database, it is no project, or it was written by a newer studio.
        Environment: the file cannot be read, or the server cannot be reached.
    """
    from lrstudio.store.store import Store

    store = Store.open(path, upgrade=upgrade, password=_password(password))
    return Project(store, reviewer=_named(reviewer), hosts=hosts)


def ask_database(url: DatabaseUrl, *, password: str = "") -> Answered:
    """Ask a server what is in a database, and change nothing; the password as in `open_project`.

    Raises:
        Refused: the server knows no such database or user, or refuses the password.
        Environment: the server cannot be reached, or does not prove who it is.
    """
    from lrstudio.store.postgres import ask

    return ask(url, password=_password(password))


def create_sample_project(path: Path, *, reviewer: str = "") -> Project:
    """Create the sample project, judged by the lexical judge and the scripted sample judge.

    It is made beside `path` and takes that name when complete, so a broken-off attempt leaves nothing there.

    Raises:
        Refused: a file of that name exists.
        Environment: the folder cannot be made or written.
    """
    from lrstudio.services.sample import fill_with_sample
    from lrstudio.store.faults import told_of_files

    with told_of_files(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise Refused("there is a file of that name already; choose another folder", where=str(path))
    with told_of_files(path.parent), tempfile.TemporaryDirectory(dir=path.parent, prefix=".sample-") as folder:
        project = create_project(Path(folder) / path.name, title="Harbour report (sample)", reviewer=reviewer)
        try:
            fill_with_sample(project)
        finally:
            project.close()
        (Path(folder) / path.name).rename(path)
    return open_project(path, reviewer=reviewer)


def sample_path() -> Path:
    """Return where the sample project of this profile lives."""
    return SettingsStore().profile / "sample" / "harbour-report.lrs"


def _password(given: str) -> Password:
    """Take the password given, else the one that is kept somewhere."""

    def find(url: DatabaseUrl) -> str | None:
        from lrstudio.services.database_keys import find_database_password

        return given or find_database_password(url)

    return find


def prompt_packs(
    project: Place | None = None, *, named: Sequence[Path] = (), settings: SettingsStore | None = None
) -> Packs:
    """Return the prompt packs of a profile: its own, those beside a project, the settings' and those named."""
    from lrstudio.services.packs import Packs, packs_home

    store = settings or SettingsStore()
    set_ = store.load().http.prompts
    folders = [Path(set_).expanduser(), *named] if set_ else named
    beside = project if isinstance(project, Path) else None  # nothing lies beside a database
    return Packs(packs_home(store.profile), project=beside, named=folders)


def person_hosts(settings: SettingsStore | None = None) -> Hosts:
    """Return the hosts of a profile, with connections of their own; close it at the end."""
    from lrstudio.services.hosts import Hosts

    return Hosts(settings or SettingsStore())


def _named(reviewer: str) -> ReviewerName:
    """Take the name given, else the one that the settings hold at the time."""
    return (lambda: reviewer) if reviewer else (lambda: SettingsStore().load().reviewer)
