"""The window: it puts the parts together and passes commands on; what they mean is the parts' business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QPaintEvent
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from lrstudio.domain.errors import Environment, Refused
from lrstudio.qt.actions import Actions
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.bridge.portal import Portal
from lrstudio.qt.bridge.watch import DataWatch
from lrstudio.qt.theme.icons import Icons
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.banner import Banner
from lrstudio.qt.views.binding import dress_actions
from lrstudio.qt.views.chrome import Line, unit
from lrstudio.qt.views.judge_desk import JudgeDesk
from lrstudio.qt.views.messages import Messages
from lrstudio.qt.views.project_desk import Notice, Opened, ProjectDesk
from lrstudio.qt.views.start_page import EmptyState, StartPage
from lrstudio.qt.views.top_bar import TopBar
from lrstudio.services.settings import Settings, SettingsStore
from lrstudio.viewstate.audit_facts import Fact

if TYPE_CHECKING:
    from lrstudio.domain.summaries import CallView
    from lrstudio.domain.verdicts import JudgeIdentity
    from lrstudio.qt.views.audit_controller import AuditController
    from lrstudio.qt.views.audit_reader import ListRead

_LAYOUT_VERSION = 1


class MainWindow(QMainWindow):
    """One project at a time, in the Audit workspace.

    Signals:
        painted: the first time that something was on the screen; slow things begin then.
    """

    painted = Signal()

    def __init__(self, switch: ThemeSwitch, icons: Icons, store: SettingsStore, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("main window")
        self.setAcceptDrops(True)
        self._switch = switch
        self._icons = icons
        self._store = store
        self._settings = settings
        self._facts: frozenset[Fact] = frozenset()
        self._judge: JudgeIdentity | None = None
        self._was_painted = False
        self.actions_ = Actions(parent=self)
        self.operations = Operations(self)
        self.portal = Portal()
        self.watch = DataWatch(self.operations, self)
        self.desk = ProjectDesk(self, self.operations, store, switch)
        self.judging = JudgeDesk(self, self.operations, self.portal, store, switch)
        self.desk.before_close = self.judging.wait
        self.audit: AuditController | None = None
        self.top_bar = TopBar(self.actions_, icons)
        self.banner = Banner(switch, icons)
        self.start_page = StartPage(self.actions_)
        self.start_page.set_recent(settings.recent)
        self._opening = EmptyState("Opening …", "")
        self.messages = Messages(self, self.banner, self.operations)
        self._lay_out()
        self._connect()
        self.addActions(self.actions_.all())
        self._show_settings()
        self._tell_title("")

    # For the application

    def begin(self, path: Path | None, *, sample: bool = False) -> None:
        """Start what waits for the first paint: icons of menus, the project that was asked for."""
        dress_actions(self.actions_, self._icons)
        if sample:
            self.desk.open_sample()
        elif path is not None:
            self.desk.open(path)

    def shut_down(self) -> None:
        """Stop everything in order: timers, jobs, the loop, the writer with what was decided, the project."""
        self.watch.stop()
        self.judging.cancel()
        self.portal.close()
        self.desk.close()
        self.operations.close()

    def restore(self) -> None:
        """Come up where the window was, else in a size that fits the screen."""
        settings = self._geometry()
        geometry = settings.value("geometry")
        if int(str(settings.value("version", 0))) != _LAYOUT_VERSION or geometry is None:
            step = unit(self)
            room = self.screen().availableGeometry().size() if self.screen() else self.size()
            self.resize(min(180 * step, room.width()), min(113 * step, room.height()))
        else:
            self.restoreGeometry(geometry)

    # Commands

    def _perform(self, command_id: str) -> None:
        deed = self._commands.get(command_id)
        if deed is not None:
            deed()
        elif self.audit is not None:
            self.audit.perform(command_id)

    def _command_table(self) -> dict[str, Callable[[], object]]:
        return {
            "project.new": self.desk.choose_new,
            "project.open": self.desk.choose_open,
            "project.sample": self.desk.open_sample,
            "project.import": self.desk.choose_import,
            "project.add": self.desk.show_add,
            "project.export": self.desk.choose_export,
            "project.close": self.desk.close,
            "window.quit": self.close,
            "judge.run": self._run_judge,
            "judge.cancel": self.judging.cancel,
            "judge.call": self._show_call,
            "view.blind": lambda: self._set(replace(self._settings, blind=not self._settings.blind)),
            "view.theme": lambda: self._set(
                replace(self._settings, theme="light" if self._switch.theme.dark else "dark")
            ),
            "view.larger": lambda: self._set(replace(self._settings, zoom=min(self._settings.zoom + 1, 12))),
            "view.smaller": lambda: self._set(replace(self._settings, zoom=max(self._settings.zoom - 1, -4))),
            "view.normal": lambda: self._set(replace(self._settings, zoom=0)),
            "view.reset": lambda: self._build_audit().view.reset_layout(),
            "help.shortcuts": self._show_shortcuts,
            "help.about": self._show_about,
        }

    def _run_judge(self) -> None:
        detail = self.audit.detail if self.audit else None
        self.judging.show_dialog(
            question_id=detail.question.question_id if detail else "",
            candidate_id=detail.candidate.candidate_id if detail else "",
        )

    def _show_call(self) -> None:
        project, now = self.desk.project, self.audit.screen if self.audit else None
        if project is not None and now is not None and now.call_key:
            key = now.call_key
            self.operations.query(lambda: project.audit.call(key), self._show_call_view, slot="call")

    def _show_call_view(self, call: CallView | None) -> None:
        from lrstudio.qt.views.dialogs.reading import CallDialog

        if call is None:
            self.messages.tell(Notice("This verdict rests on no call to a model.", passing=True))
        else:
            CallDialog(call, self).show()

    def _show_shortcuts(self) -> None:
        from lrstudio.qt.views.dialogs.reading import ShortcutSheet

        ShortcutSheet(self).show()

    def _show_about(self) -> None:
        from lrstudio.qt.views.dialogs.reading import AboutDialog

        AboutDialog(self).show()

    # Settings

    def _set(self, settings: Settings) -> None:
        """Apply settings at once, and write them down behind the scenes."""
        if settings == self._settings:
            return
        self._settings = settings
        self._show_settings()

        def save() -> None:
            # another part may have written meanwhile: only what is set here is changed
            on_disk = self._store.load()
            self._store.save(replace(on_disk, theme=settings.theme, blind=settings.blind, zoom=settings.zoom))

        self.operations.run(save, initiator=self)

    def _show_settings(self) -> None:
        from lrstudio.viewstate.audit_parts import Viewer

        self._switch.use(theme_name(self._settings.theme))
        self.actions_["view.blind"].setChecked(self._settings.blind)
        if self.audit is not None:
            self.audit.set_viewer(Viewer(self._settings.reviewer, self._settings.blind))
            self.audit.view.set_zoom(self._settings.zoom)

    # Projects

    def _opening_project(self, path: Path) -> None:
        self.banner.hide()
        self._opening.say(f"Opening {path.stem} …", "")
        self._stack.setCurrentWidget(self._opening)
        self._build_audit()

    def _opened(self, opened: Opened) -> None:
        project = opened.project
        self._judge = None
        self._tell_title(project.title)
        self.judging.use(project)
        controller = self._build_audit()
        self._stack.setCurrentWidget(controller.view)
        controller.use(project)
        self.watch.start(project.data_version, seen=opened.version)
        self._tell_facts(self._facts)
        controller.view.list.tree.setFocus(Qt.FocusReason.OtherFocusReason)

    def _closed(self) -> None:
        self.watch.stop()
        self.judging.use(None)
        self._tell_title("")
        if self.audit is not None:
            self.audit.use(None)
        self._stack.setCurrentWidget(self.start_page)
        self._facts = frozenset()
        self._tell_facts(self._facts)
        self.operations.query(lambda: self._store.load().recent, self.start_page.set_recent, slot="recent")

    def _build_audit(self) -> AuditController:
        """Build the workspace when it is first needed; the first paint does not wait for it."""
        if self.audit is not None:
            return self.audit
        from lrstudio.qt.views.audit_controller import AuditController
        from lrstudio.qt.views.audit_view import AuditView
        from lrstudio.viewstate.audit_parts import Viewer

        view = AuditView(self._switch, self._icons, self.actions_)
        viewer = Viewer(self._settings.reviewer, self._settings.blind)
        self.audit = AuditController(view, self.operations, viewer=viewer, parent=self)
        self.audit.facts_changed.connect(self._tell_facts)
        self.audit.list_read.connect(self._list_read)
        self._stack.addWidget(view)
        view.resize(self._stack.size())
        view.reset_layout()
        view.set_zoom(self._settings.zoom)
        view.restore_layout(self._geometry())
        self.audit.set_viewer(viewer)
        return self.audit

    def _list_read(self, read: ListRead) -> None:
        self.top_bar.set_judges(read.judges, chosen=self._judge)

    def _choose_judge(self, identity: JudgeIdentity | None) -> None:
        self._judge = identity
        if self.audit is not None:
            self.audit.use(self.desk.project, identity)

    def _tell_title(self, title: str) -> None:
        self.setWindowTitle(f"{title} – LongReward Studio" if title else "LongReward Studio")
        self.top_bar.set_project(title)

    def _tell_facts(self, facts: frozenset[Fact]) -> None:
        self._facts = facts
        mine = {Fact.JUDGING if self.judging.running else Fact.NOT_JUDGING}
        if self.desk.project is not None:
            mine.add(Fact.PROJECT)
        self.actions_.set_facts(facts | mine)

    # Qt's side

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open a project or import files."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.desk.take(paths)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell that the first paint is done, once."""
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Write down where everything stood."""
        settings = self._geometry()
        settings.setValue("version", _LAYOUT_VERSION)
        settings.setValue("geometry", self.saveGeometry())
        if self.audit is not None:
            self.audit.view.save_layout(settings)
        settings.sync()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the system's light and dark where the settings say so."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.ThemeChange and self._settings.theme == "system":
            self._switch.use(theme_name("system"))

    def _geometry(self) -> QSettings:
        return QSettings(str(self._store.profile / "window.ini"), QSettings.Format.IniFormat)

    def _connect(self) -> None:
        self._commands = self._command_table()
        self.actions_.triggered.connect(self._perform)
        self.top_bar.judge_chosen.connect(self._choose_judge)
        self.start_page.opened.connect(self.desk.open)
        self.desk.opening.connect(self._opening_project)
        self.desk.opened.connect(self._opened)
        self.desk.closed.connect(self._closed)
        self.desk.told.connect(self.messages.tell)
        self.judging.told.connect(self.messages.tell)
        self.judging.line_changed.connect(self.top_bar.set_progress)
        self.judging.running_changed.connect(lambda _running: self._tell_facts(self._facts))

    def _lay_out(self) -> None:
        self._stack = QStackedWidget()
        self._stack.addWidget(self.start_page)
        self._stack.addWidget(self._opening)
        central = QWidget()
        column = QVBoxLayout(central)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top_bar)
        column.addWidget(Line())
        column.addWidget(self.banner)
        column.addWidget(self._stack, 1)
        self.setCentralWidget(central)
        self.setMinimumSize(110 * unit(self), 64 * unit(self))


def load_settings(store: SettingsStore) -> tuple[Settings, str]:
    """Return the settings, and a sentence where they could not be read: the window comes up all the same."""
    try:
        return store.load(), ""
    except (Refused, Environment) as error:
        return Settings(), str(error)


def theme_name(setting: str) -> str:
    """Return the theme for a setting; "system" asks the platform."""
    from PySide6.QtGui import QGuiApplication

    if setting != "system":
        return setting
    return "dark" if QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark else "light"
