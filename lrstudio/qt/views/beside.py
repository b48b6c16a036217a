"""What stands beside the workspace: judge runs from above, the settings, the marks that keep documents here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Timer
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal

from lrstudio.qt.bridge.hosts_door import HostsDoor
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.views.audit_controller import AuditController
from lrstudio.qt.views.desk import Desk
from lrstudio.qt.views.local_marks import LocalMarks
from lrstudio.qt.views.workspaces import Workspaces
from lrstudio.services.settings import Settings
from lrstudio.viewstate.facts import Fact
from lrstudio.viewstate.finding import aim_of

if TYPE_CHECKING:
    from lrstudio.domain.marks import Place
    from lrstudio.qt.views.find_desk import FindDesk
    from lrstudio.qt.views.hosts_desk import HostsDesk
    from lrstudio.qt.views.hosts_known import HostsKnown
    from lrstudio.qt.views.judge_windows import JudgeWindows
    from lrstudio.qt.views.main_window import MainWindow
    from lrstudio.qt.views.mark_desk import MarkDesk
    from lrstudio.qt.views.merge_desk import MergeDesk
    from lrstudio.qt.views.queue_desk import QueueDesk
    from lrstudio.qt.views.reports_desk import ReportsDesk
    from lrstudio.qt.views.reviewers_desk import ReviewersDesk
    from lrstudio.qt.views.settings_desk import SettingsDesk
    from lrstudio.qt.views.shared_desk import SharedDesk
    from lrstudio.services.wiring import Project

AnyDesk = TypeVar("AnyDesk", bound=Desk)

_GRACE_S = 2.0
_MARK_COMMANDS = ("mark.bookmark", "mark.tag", "mark.note", "guideline.show", "page.save")
_QUEUE_COMMANDS = ("queue.open", "queue.next", "queue.previous", "queue.skip", "queue.leave")


class Beside(QObject):
    """Each part is made when it is first wanted.

    Signals:
        keep_chosen: the `Keep` that the list is to apply.
        candidate_chosen: the id of a candidate that is to be shown.
        told: a `Notice`.
        facts_changed: what `facts` says has changed.
        judge_wanted: the judge whose verdicts are to be shown, None for the latest ones.
    """

    keep_chosen = Signal(object)
    candidate_chosen = Signal(str)
    told = Signal(object)
    facts_changed = Signal()
    judge_wanted = Signal(object)

    def __init__(self, window: MainWindow, operations: Operations, parent: QObject) -> None:
        super().__init__(parent)
        self._window = window
        self._operations = operations
        self._project: Project | None = None
        self._desks: list[Desk] = []
        self._windows: JudgeWindows | None = None
        self._settings: SettingsDesk | None = None
        self.workspaces = Workspaces(window, operations, self)
        self.workspaces.told.connect(self.told)
        self._reports: ReportsDesk | None = None
        self._queues: QueueDesk | None = None
        self._finding: FindDesk | None = None
        self._marks: MarkDesk | None = None
        self._shared: SharedDesk | None = None
        self._merging: MergeDesk | None = None
        self._reviewers: ReviewersDesk | None = None
        self._hosts: HostsDesk | None = None
        self._known_hosts: HostsKnown | None = None
        self._hosts_door = HostsDoor(window.store)
        self._audit: AuditController | None = None
        self._local_marks = LocalMarks(window.actions_, operations, self)
        self._local_marks.told.connect(self.told)

    @property
    def windows(self) -> JudgeWindows:
        """What looks at judge runs from above."""
        if self._windows is None:
            from lrstudio.qt.views.judge_windows import JudgeWindows

            desk = self._windows = self._begin(JudgeWindows(self._window, self._operations, self._window.switch))
            desk.keep_chosen.connect(self.keep_chosen)
            desk.candidate_chosen.connect(self.candidate_chosen)
        return self._windows

    @property
    def settings(self) -> SettingsDesk:
        """What shows the settings."""
        if self._settings is None:
            from lrstudio.qt.views.settings_desk import SettingsDesk

            window = self._window
            self._settings = SettingsDesk(window, self._operations, window.store, window.switch)
            self._settings.told.connect(self.told)
        return self._settings

    @property
    def reports(self) -> ReportsDesk:
        """What shows reports."""
        if self._reports is None:
            from lrstudio.qt.views.reports_desk import ReportsDesk

            self._reports = self._begin(ReportsDesk(self._window, self._operations, self._window.switch))
            self._reports.show_settings(blind=self._window.settings.blind)
            self._reports.unblind_wanted.connect(self.workspaces.turn_blind)
            self._reports.candidate_wanted.connect(self._show_in_audit)
            self._reports.remedy_wanted.connect(lambda remedy: self.workspaces.desk.show_sets(remedy))
        return self._reports

    @property
    def queues(self) -> QueueDesk:
        """What works through review queues."""
        if self._queues is None:
            from lrstudio.qt.views.queue_desk import QueueDesk

            window = self._window
            desk = self._queues = self._begin(QueueDesk(window, self._operations, window.switch, window.actions_))
            desk.show_settings(blind=window.settings.blind)
            desk.facts_changed.connect(self.facts_changed)
            desk.judge_wanted.connect(self.judge_wanted)
            desk.pair_wanted.connect(self._show_two)
            desk.audit_wanted.connect(self.workspaces.leave_pairs)
            if self._audit is not None:
                desk.follow(self._audit)
        return self._queues

    @property
    def finding(self) -> FindDesk:
        """What finds anything in the project."""
        if self._finding is None:
            from lrstudio.qt.views.find_desk import FindDesk

            desk = self._finding = self._begin(FindDesk(self._window, self._operations, self._window.switch))
            desk.show_settings(blind=self._window.settings.blind)
            if self._audit is not None:
                desk.follow(self._audit)
        return self._finding

    @property
    def marks(self) -> MarkDesk:
        """What puts tags, bookmarks and notes on things."""
        if self._marks is None:
            from lrstudio.qt.views.mark_desk import MarkDesk

            desk = self._marks = self._begin(MarkDesk(self._window, self._operations, self._window.switch))
            if self._audit is not None:
                desk.follow(self._audit)
        return self._marks

    @property
    def shared(self) -> SharedDesk:
        """What opens shared projects."""
        if self._shared is None:
            from lrstudio.qt.views.shared_desk import SharedDesk

            window = self._window
            desk = SharedDesk(
                window, self._operations, window.switch, projects=window.works.desk, settings=window.store
            )
            self._shared = self._begin(desk)
        return self._shared

    @property
    def known_hosts(self) -> HostsKnown:
        """What is known of hosts."""
        if self._known_hosts is None:
            from lrstudio.qt.views.hosts_known import HostsKnown

            self._known_hosts = HostsKnown(self._operations, self._hosts_door, self)
        return self._known_hosts

    @property
    def hosts(self) -> HostsDesk:
        """What shows the hosts."""
        if self._hosts is None:
            from lrstudio.qt.views.hosts_desk import HostsDesk

            window = self._window
            self._hosts = self._begin(HostsDesk(window, self._operations, window.switch, known=self.known_hosts))
        return self._hosts

    @property
    def reviewers(self) -> ReviewersDesk:
        """What lists who decided what, and settles differences."""
        if self._reviewers is None:
            from lrstudio.qt.views.reviewers_desk import ReviewersDesk

            window = self._window
            desk = self._reviewers = self._begin(ReviewersDesk(window, self._operations, window.switch))
            desk.blind = window.settings.blind
            desk.aimed.connect(lambda aim: self.finding.go(aim))
        return self._reviewers

    @property
    def merging(self) -> MergeDesk:
        """What takes over another project."""
        if self._merging is None:
            from lrstudio.qt.views.merge_desk import MergeDesk

            self._merging = self._begin(MergeDesk(self._window, self._operations, self._window.switch))
            self._merging.settling.connect(lambda: self.reviewers.show())
            self._window.works.desk.before_close.append(self._merging.wait)
        return self._merging

    def _begin(self, desk: AnyDesk) -> AnyDesk:
        """Let a desk work on the project, from now on."""
        desk.use(self._project)
        desk.told.connect(self.told)
        self._desks.append(desk)
        return desk

    @property
    def facts(self) -> frozenset[Fact]:
        """What holds because of what stands beside."""
        return self._queues.facts if self._queues is not None else frozenset()

    def use(self, project: Project | None) -> None:
        """Stand beside this project."""
        if self._project is not None and project is not self._project:
            self.marks.stop()
        self._project = project
        if project is not None:
            project.lend_hosts(self._hosts_door.service)
        self.workspaces.use(project)
        for desk in self._desks:
            desk.use(project)
        if project is not None:
            self.marks.use(project)
            self._continue(project)

    @contextmanager
    def leaving_hosts(self) -> Iterator[None]:
        """Let what asks other machines end by itself in the block, for a short while; then it gets no answer."""
        if self._known_hosts is not None:
            self._known_hosts.close()
        late = Timer(_GRACE_S, self._hosts_door.close)
        late.start()
        yield
        late.cancel()
        late.join()
        self._hosts_door.close()

    def follow(self, audit: AuditController) -> None:
        """Show in the menus what the workspace has read of marks, and bring up in it what is chosen beside it."""
        self._audit = audit
        self._window.works.desk.connection_wanted.connect(lambda place, problem: self.shared.show(place, problem))
        self.workspaces.follow(audit)
        audit.list_read.connect(self._local_marks.show_list)
        audit.reader.candidate_read.connect(self._local_marks.show_candidate)

    def show_settings(self, settings: Settings) -> None:
        """Take away what a blind person must not see."""
        if settings.blind and self._windows is not None:
            self._windows.close_compare()
        self.workspaces.show_settings(settings)
        for desk in (self._queues, self._finding, self._reports):
            if desk is not None:
                desk.show_settings(blind=settings.blind)
        if self._reviewers is not None:
            self._reviewers.blind = settings.blind

    def command_table(self) -> dict[str, Callable[[], object]]:
        """Return the commands that are carried out here."""
        return self.workspaces.command_table() | {
            **{name: partial(self._in_queues, name) for name in _QUEUE_COMMANDS},
            **{name: partial(self._in_marks, name) for name in _MARK_COMMANDS},
            "reviewers.open": lambda: self.reviewers.show(),
            "project.merge": lambda: self.merging.show(),
            "project.shared": lambda: self.shared.show(),
            "project.find": lambda: self.finding.show(),
            "hosts.open": lambda: self.hosts.show(),
            "settings.open": lambda: self.settings.show(),
            "document.local": lambda: self._local_marks.turn_document(self._project),
            "project.local": lambda: self._local_marks.turn_project(self._project),
            "judge.summary": lambda: self.windows.show_summary(),
            "reports.open": lambda: self.reports.show(),
            "judge.compare": lambda: self.windows.show_compare(blind=self._window.settings.blind),
        }

    def _in_queues(self, name: str) -> None:
        self.queues.command_table()[name]()

    def _show_in_audit(self, candidate_id: str) -> None:
        self.workspaces.leave_pairs()
        self.candidate_chosen.emit(candidate_id)

    def _show_two(self, one: str, other: str) -> None:
        self.queues.follow_pairs(self.workspaces.show_two(one, other))

    def _in_marks(self, name: str) -> None:
        self.marks.command_table()[name]()

    def _continue(self, project: Project) -> None:
        """Go to where this reviewer stopped."""

        def read() -> Place | None:
            place = project.marking.stopped_at()
            listed = {it.candidate_id for question in project.audit.questions() for it in question.candidates}
            return place if place is not None and place.item_id in listed else None

        def there(place: Place | None) -> None:
            if place is not None and self._project is project:
                self.finding.go(aim_of(place))

        self._operations.query(read, there, slot="stopped")
