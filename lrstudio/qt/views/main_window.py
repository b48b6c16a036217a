"""The window itself: top bar, messages, and one page at a time. What happens behind it is the workshop's.

Imports are few on purpose: all of them are paid before the first paint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QPaintEvent
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QStyle, QVBoxLayout, QWidget

from lrstudio.domain.places import Place
from lrstudio.qt.actions import Actions
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.banner import Banner
from lrstudio.qt.views.chrome import Line, unit
from lrstudio.qt.views.start_page import EmptyState, StartPage
from lrstudio.qt.views.top_bar import TopBar
from lrstudio.services.settings import Settings, SettingsStore

if TYPE_CHECKING:
    from lrstudio.qt.views.workshop import Workshop

_LAYOUT_VERSION = 1
_ZOOM = (-4, 12)  # points


class MainWindow(QMainWindow):
    """One project at a time, in the Audit workspace.

    Signals:
        painted: the first time that something was on the screen; slow things begin then.
    """

    painted = Signal()

    def __init__(self, switch: ThemeSwitch, store: SettingsStore, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("main window")
        self.setAcceptDrops(True)
        self.switch = switch
        self.store = store
        self.settings = settings
        self._workshop: Workshop | None = None
        self._was_painted = False
        self.actions_ = Actions(parent=self)
        self.top_bar = TopBar(self.actions_)
        self.banner = Banner(switch)
        self.start_page = StartPage(self.actions_)
        self.start_page.set_recent(settings.recent)
        self._opening = EmptyState("Opening …", "")
        self._commands = self._command_table()
        self._lay_out()
        self.actions_.triggered.connect(self._perform)
        self.addActions(self.actions_.all())
        self.actions_["view.blind"].setChecked(settings.blind)
        self.show_project("")

    @property
    def works(self) -> Workshop:
        """What is behind the window, made when it is first needed."""
        if self._workshop is None:
            from lrstudio.qt.views.workshop import Workshop

            self._workshop = Workshop(self)
        return self._workshop

    def begin(self, path: Place | None, *, sample: bool = False) -> None:
        """Start what waits for the first paint, and open the project that was asked for."""
        self.start_page.focus_first()
        if sample:
            self.works.desk.open_sample()
        elif path is not None:
            self.works.desk.open(path)
        else:
            self.works.operations.on_worker(_warm_up)

    def shut_down(self) -> None:
        """Stop everything that runs."""
        if self._workshop is not None:
            self._workshop.shut_down()

    def restore(self) -> None:
        """Come up where the window was, else in a size that fits the screen."""
        settings = self.layout_settings()
        geometry = settings.value("geometry")
        if int(str(settings.value("version", 0))) != _LAYOUT_VERSION or geometry is None:
            step = unit(self)
            room = self.screen().availableGeometry().size()
            title = self.style().pixelMetric(QStyle.PixelMetric.PM_TitleBarHeight)  # the frame is known later
            self.resize(min(180 * step, room.width()), min(113 * step, room.height() - title))
        else:
            self.restoreGeometry(geometry)

    def layout_settings(self) -> QSettings:
        """Return where sizes and places are written down."""
        return QSettings(str(self.store.profile / "window.ini"), QSettings.Format.IniFormat)

    # Pages

    def show_start(self) -> None:
        """Show where to begin."""
        self.show_project("")
        self._stack.setCurrentWidget(self.start_page)

    def show_opening(self, name: str) -> None:
        """Say that a project is being opened."""
        self._opening.say(f"Opening {name} …", "")
        self._stack.setCurrentWidget(self._opening)

    def show_project(self, title: str) -> None:
        """Name the project; "" where none is open."""
        self.setWindowTitle(f"{title} – LongReward Studio" if title else "LongReward Studio")
        self.top_bar.set_project(title)

    def add_page(self, page: QWidget) -> None:
        """Take in a workspace, in the size that it will have."""
        page.resize(self._stack.size())
        self._stack.addWidget(page)

    def show_page(self, page: QWidget) -> None:
        """Show a workspace."""
        self._stack.setCurrentWidget(page)

    # Commands of the window itself

    def _perform(self, command_id: str) -> None:
        deed = self._commands.get(command_id)
        if deed is not None:
            deed()
        else:
            self.works.perform(command_id)

    def _command_table(self) -> dict[str, Callable[[], object]]:
        return {
            "window.quit": self.close,
            "view.blind": lambda: self._set(replace(self.settings, blind=not self.settings.blind)),
            "view.theme": lambda: self._set(
                replace(self.settings, theme="light" if self.switch.theme.dark else "dark")
            ),
            "view.larger": lambda: self._set(replace(self.settings, zoom=min(self.settings.zoom + 1, _ZOOM[1]))),
            "view.smaller": lambda: self._set(replace(self.settings, zoom=max(self.settings.zoom - 1, _ZOOM[0]))),
            "view.normal": lambda: self._set(replace(self.settings, zoom=0)),
        }

    def _set(self, settings: Settings) -> None:
        """Apply settings at once, and write them down behind the scenes."""
        if settings == self.settings:
            return
        self.settings = settings
        self.switch.use(theme_name(settings.theme))
        self.actions_["view.blind"].setChecked(settings.blind)
        self.works.show_settings(settings)
        self.works.save_settings(settings)

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
            self.works.desk.take(paths)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell that the first paint is done, once."""
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Write down where everything stood."""
        settings = self.layout_settings()
        settings.setValue("version", _LAYOUT_VERSION)
        settings.setValue("geometry", self.saveGeometry())
        if self._workshop is not None:
            self._workshop.save_layout(settings)
        settings.sync()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the system's light and dark where the settings say so."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.ThemeChange and self.settings.theme == "system":
            self.switch.use(theme_name("system"))

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


def theme_name(setting: str) -> str:
    """Return the theme for a setting; "system" asks the platform."""
    if setting != "system":
        return setting
    return "dark" if QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark else "light"


def _warm_up() -> None:
    """Import what opening a project needs while the person still looks for one."""
    import lrstudio.store.store  # noqa: F401
