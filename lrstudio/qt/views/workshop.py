"""What the window works with once it is painted: the writer, the loop, the project, the judge, the workspace."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, Qt, QTimer

from lrstudio.domain.places import Place
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.bridge.portal import Portal
from lrstudio.qt.bridge.watch import DataWatch
from lrstudio.qt.theme.icons import Icons
from lrstudio.qt.views.audit_controller import AuditController
from lrstudio.qt.views.audit_reader import ListRead
from lrstudio.qt.views.audit_view import AuditView
from lrstudio.qt.views.beside import Beside
from lrstudio.qt.views.messages import Messages
from lrstudio.qt.views.project_desk import Notice, Opened, ProjectDesk
from lrstudio.services.settings import Settings
from lrstudio.viewstate.audit_parts import Viewer
from lrstudio.viewstate.facts import Fact

if TYPE_CHECKING:
    from lrstudio.domain.summaries import CallView
    from lrstudio.domain.verdicts import JudgeIdentity
    from lrstudio.qt.views.judge_desk import JudgeDesk
    from lrstudio.qt.views.main_window import MainWindow
    from lrstudio.qt.views.packs_desk import PacksDesk
    from lrstudio.viewstate.audit_list import Keep

_MENU_ICONS_MS = 700
_TURN_S = 0.001
_LOG = "-wal"  # SQLite's name for the log beside a file
_BUTTON_ICONS = (("find_button", "find"), ("blind_button", "blind"), ("theme_button", "theme"))


class Workshop(QObject):
    """Everything behind the window. Made after the first paint: it imports most of the program."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        # Replies of a judge arrive in bursts, each in a thread of its own, and the window stands in line with them:
        # with Python's 5 ms turns the longest wait measured was 300 ms, with 1 ms turns 100 ms.
        sys.setswitchinterval(_TURN_S)
        self._window = window
        self._store = window.store
        self._facts: frozenset[Fact] = frozenset()
        self._judge: JudgeIdentity | None = None
        self.icons = Icons(window.switch)
        self.operations = Operations(self)
        self.portal = Portal()
        self.messages = Messages(window, window.banner, self.operations)
        self.watch = DataWatch(self.operations, self)
        self.desk = ProjectDesk(window, self.operations, self._store, window.switch)
        self.desk.before_close.append(self._wait_for_judge)
        self._judging: JudgeDesk | None = None
        self._packs: PacksDesk | None = None
        self.audit: AuditController | None = None
        self.beside = Beside(window, self.operations, self)
        self._commands = self._command_table() | self.beside.command_table()
        for name, icon in _BUTTON_ICONS:
            self.icons.dress(getattr(window.top_bar, name), icon)
        self._connect()
        # menus are opened later than a project
        QTimer.singleShot(_MENU_ICONS_MS, self, self._dress_menus)

    @property
    def judging(self) -> JudgeDesk:
        """What runs judges, made when the first one is wanted."""
        if self._judging is None:
            from lrstudio.qt.views.judge_desk import JudgeDesk

            window = self._window
            self._judging = JudgeDesk(window, self.operations, self.portal, self._store, window.switch)
            self._judging.use(self.desk.project)
            self._judging.told.connect(self.messages.tell)
            self._judging.line_changed.connect(window.top_bar.set_progress)
            self._judging.running_changed.connect(lambda _running: self._tell_facts(self._facts))
            self._judging.summary_wanted.connect(lambda run_id: self.beside.windows.show_summary(run_id))
        return self._judging

    @property
    def packs(self) -> PacksDesk:
        """Prompt packs, made when they are first wanted."""
        if self._packs is None:
            from lrstudio.qt.views.packs_desk import PacksDesk

            window = self._window
            self._packs = PacksDesk(window, self.operations, self.portal, self._store, window.switch)
            self._packs.use(self.desk.project)
        return self._packs

    def perform(self, command_id: str) -> None:
        """Carry out a command."""
        deed = self._commands.get(command_id)
        if deed is not None:
            deed()
        elif self.audit is not None:
            self.audit.perform(command_id)

    def shut_down(self) -> None:
        """Stop everything in order: timers, jobs, the loop, the writer with what was decided, the project."""
        self.watch.stop()
        if self._judging is not None:
            self._judging.cancel()
        if self._packs is not None:
            self._packs.close()
        self.portal.close()
        self.desk.close()
        with self.beside.leaving_hosts():
            self.operations.close()

    def show_settings(self, settings: Settings) -> None:
        """Look as the settings say."""
        if self.audit is not None:
            self.audit.set_viewer(Viewer(settings.reviewer, settings.blind))
            self.audit.view.set_zoom(settings.zoom)
        self.beside.show_settings(settings)

    def save_layout(self, settings: QSettings) -> None:
        """Write down how the workspace is laid out."""
        if self.audit is not None:
            self.audit.view.save_layout(settings)
        self.beside.workspaces.save_layout(settings)

    def build_audit(self) -> AuditController:
        """Build the workspace when it is first needed."""
        if self.audit is not None:
            return self.audit
        window, settings = self._window, self._window.settings
        view = AuditView(window.switch, self.icons, window.actions_)
        self.audit = AuditController(
            view, self.operations, viewer=Viewer(settings.reviewer, settings.blind), parent=self
        )
        self.audit.facts_changed.connect(self._tell_facts)
        self.audit.list_read.connect(self._list_read)
        self.beside.follow(self.audit)
        window.add_page(view)
        view.reset_layout()
        view.restore_layout(window.layout_settings())
        self.show_settings(settings)
        return self.audit

    def _command_table(self) -> dict[str, Callable[[], object]]:
        return {
            "project.new": self.desk.choose_new,
            "project.open": self.desk.choose_open,
            "project.sample": self.desk.open_sample,
            "project.import": self.desk.choose_import,
            "project.add": self.desk.show_add,
            "project.export": self.desk.choose_export,
            "project.close": self.desk.close,
            "judge.run": self._run_judge,
            "judge.cancel": lambda: self.judging.cancel(),
            "judge.call": self._show_call,
            "judge.packs": lambda: self.packs.show(),
            "view.reset": lambda: self.build_audit().view.reset_layout(),
            "help.shortcuts": self._show_shortcuts,
            "help.about": self._show_about,
        }

    def _run_judge(self) -> None:
        detail = self.audit.detail if self.audit else None
        self.judging.show_dialog(
            question_id=detail.question.question_id if detail else "",
            candidate_id=detail.candidate.candidate_id if detail else "",
        )

    def _keep(self, keep: Keep) -> None:
        """Show just some candidates in the list."""
        listed = self.build_audit().view.list
        listed.set_view(replace(listed.view, keep=keep))

    def _show_call(self) -> None:
        project, now = self.desk.project, self.audit.screen if self.audit else None
        if project is not None and now is not None and now.call_key:
            key = now.call_key
            self.operations.query(lambda: project.audit.call(key), self._show_call_view, slot="call")

    def _show_call_view(self, call: CallView | None) -> None:
        from lrstudio.qt.views.dialogs.reading import CallDialog

        if call is None:
            self.messages.tell(Notice("This verdict rests on no call to a model."))
        else:
            CallDialog(call, self._window).show()

    def _show_shortcuts(self) -> None:
        from lrstudio.qt.views.dialogs.reading import ShortcutSheet

        ShortcutSheet(self._window).show()

    def _show_about(self) -> None:
        from lrstudio.qt.views.dialogs.reading import AboutDialog

        AboutDialog(self._window).show()

    # The project

    def _opening(self, path: Place) -> None:
        self._window.banner.hide()
        self._window.show_opening(path.stem)
        self.build_audit()

    def _opened(self, opened: Opened) -> None:
        project, audit = opened.project, self.build_audit()
        self._judge = None
        self._window.show_project(opened.title)
        self._window.show_page(audit.view)
        if self._judging is not None:
            self._judging.use(project)
        self.beside.use(project)
        if self._packs is not None:
            self._packs.use(project)
        audit.use(project)
        path = opened.path
        log = path.with_name(path.name + _LOG) if isinstance(path, Path) else None
        self.watch.start(project.data_version, seen=opened.version, log=log)
        self._tell_facts(self._facts)
        audit.view.list.tree.setFocus(Qt.FocusReason.OtherFocusReason)

    def _closed(self) -> None:
        self.watch.stop()
        if self._judging is not None:
            self._judging.use(None)
        self.beside.use(None)
        if self._packs is not None:
            self._packs.use(None)
        if self.audit is not None:
            self.audit.use(None)
        self._window.show_start()
        self._tell_facts(frozenset())
        self.operations.query(lambda: self._store.load().recent, self._window.start_page.set_recent, slot="recent")

    def _reopen(self) -> None:
        project = self.desk.project
        if project is not None:
            self.desk.open(project.path)
            why = (
                "Another program replaced the log beside the project's file; it was opened anew: check your last steps."
            )
            self.messages.tell(Notice(why, refused=True))

    def _wait_for_judge(self) -> None:
        if self._judging is not None:
            self._judging.wait()
        if self._packs is not None:
            self._packs.wait()

    def _list_read(self, read: ListRead) -> None:
        self._window.top_bar.set_judges(read.judges, chosen=self._judge)
        self._window.top_bar.set_local(read.local_only)

    def _choose_judge(self, identity: JudgeIdentity | None) -> None:
        self._judge = identity
        if self.audit is not None:
            self.audit.use(self.desk.project, identity)

    def _tell_facts(self, facts: frozenset[Fact]) -> None:
        self._facts = facts
        running = self._judging is not None and self._judging.running
        mine = {Fact.JUDGING if running else Fact.NOT_JUDGING}
        if self.desk.project is not None:
            mine.add(Fact.PROJECT)
        self._window.actions_.set_facts(self.beside.workspaces.facts(facts | mine | self.beside.facts))

    # Putting together

    def _dress_menus(self) -> None:
        """Give the commands their icons, which follow the theme."""
        window = self._window
        for action in window.actions_.all():
            icon = window.actions_.command(action.objectName()).icon
            if icon:
                self.icons.dress(action, icon)
        self.icons.dress(window.banner.close_button, "close")

    def _connect(self) -> None:
        self._window.top_bar.judge_chosen.connect(self._choose_judge)
        self._window.start_page.opened.connect(self.desk.open)
        self.watch.cut_off.connect(self._reopen)
        self.beside.keep_chosen.connect(self._keep)
        self.beside.candidate_chosen.connect(lambda name: self.build_audit().show_candidate(name))
        self.beside.told.connect(self.messages.tell)
        self.beside.judge_wanted.connect(self._choose_judge)
        self.beside.facts_changed.connect(lambda: self._tell_facts(self._facts))
        self.beside.workspaces.facts_changed.connect(lambda: self._tell_facts(self._facts))
        self.desk.opening.connect(self._opening)
        self.desk.opened.connect(self._opened)
        self.desk.closed.connect(self._closed)
        self.desk.told.connect(self.messages.tell)

    def save_settings(self, settings: Settings) -> None:
        """Write down what the window sets, behind the scenes; another part may have written meanwhile."""

        def save() -> None:
            on_disk = self._store.load()
            self._store.save(replace(on_disk, theme=settings.theme, blind=settings.blind, zoom=settings.zoom))

        self.operations.run(save, initiator=self)
