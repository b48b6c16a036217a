"""Start-up and shut-down of the window, and the pictures of it.

The order is what makes the first paint cheap: nothing that knows the store, a model or a network is imported before it.
"""

from __future__ import annotations

import builtins
import gc
import logging
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QObject, Qt, QTimer, QtMsgType, Signal, qInstallMessageHandler
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

import lrstudio
from lrstudio.domain.errors import Environment, Refused, StudioError
from lrstudio.domain.places import SCHEME, Place, place_of
from lrstudio.qt import PLAIN_IMPORT
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.main_window import MainWindow, theme_name
from lrstudio.services.settings import Settings, SettingsStore

_log = logging.getLogger("lrstudio.qt")
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
# The offscreen platform says this for every window that has a size hint.
_NOISE = "propagateSizeHints"

_START_MS = 4000
"""After this much time a start is over, on a slow machine, too; garbage is collected from then on."""
_SELDOM = 10_000
"""Collections of young garbage between two of all garbage: some 70 million objects that stayed."""

SIZES = ((1280, 800), (2560, 1440))
THEMES = ("light", "dark")


def main(words: Sequence[str]) -> int:
    """Run what the command line asks: `[PROJECT]`, `--database-url URL`, `--sample`, `--render`, `--print`."""
    if not words:
        return run_window()
    import argparse

    parser = argparse.ArgumentParser(prog="lrstudio", description="Open the window.")
    parser.add_argument("project", nargs="?", metavar="PROJECT", help="the project to open: NAME.lrs, or a URL")
    parser.add_argument("--database-url", metavar="URL", help=f"open a shared project: {SCHEME}://USER@HOST/DATABASE")
    parser.add_argument("--sample", action="store_true", help="open the sample project")
    parser.add_argument(
        "--render", nargs=2, type=Path, metavar=("PROJECT", "OUT"), help="render the window into pictures and stop"
    )
    parser.add_argument("--print", nargs=2, type=Path, metavar=("HTML", "PDF"), help="turn a page into a PDF and stop")
    asked = parser.parse_args(list(words))
    try:
        if asked.print:
            print_page(*asked.print)
            return 0
        if not asked.render:
            named = asked.database_url or asked.project
            return run_window(place_of(named) if named else None, sample=asked.sample)
        for picture in render_screens(*asked.render):
            sys.stdout.write(f"{picture}\n")
    except StudioError as error:
        sys.stderr.write(f"lrstudio: {error}\n")
        return 1
    return 0


def run_window(project: Place | None = None, *, sample: bool = False) -> int:
    """Open the window and return the exit status when it is closed.

    Args:
        project: a project to open after the first paint.
        sample: open the sample project instead, making it on first use.
    """
    _start_lightly()
    app = make_application()
    window = make_window(app)
    QTimer.singleShot(_START_MS, window, lambda: collect_seldom(app))
    # Ctrl+C in the terminal closes the window as its button does; the timer lets Python see the signal.
    signal.signal(signal.SIGINT, lambda _number, _frame: window.close())
    pulse = QTimer(window, interval=500)
    pulse.timeout.connect(lambda: None)
    pulse.start()
    window.painted.connect(lambda: window.begin(project, sample=sample))
    window.restore()
    window.show()
    with _last_resort(window):
        status = _run(app)
    window.shut_down()
    return status


def _start_lightly() -> None:
    """Leave out what makes imports slow in a program that has only just begun.

    PySide6 reads the whole source of every module that is imported after it, to look for optional spellings of Qt's
    names that are not used here: a sixth of the time to open a project. Collecting garbage, of which a start makes
    none, takes a quarter.
    """
    builtins.__import__ = PLAIN_IMPORT
    gc.disable()


def collect_seldom(app: QApplication) -> None:
    """Collect garbage again, without ever holding a person up: everything at once only while they are elsewhere.

    What the start made stays for good. Going through everything that a project of 50,000 candidates has in memory held
    all threads for 0.4 to 1.3 s, whichever of them it was that had made an object too many. Records are let go of by
    their count of references; only cycles wait, and the young ones are still looked for at once.
    """
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _SELDOM)
    app.applicationStateChanged.connect(_collect_unseen)
    gc.enable()


def _collect_unseen(state: Qt.ApplicationState) -> None:
    """Collect all garbage when the window is left for another program."""
    if state is not Qt.ApplicationState.ApplicationActive:
        gc.collect()


def _run(app: QApplication) -> int:
    """Run the application's loop: the only one there is."""
    return app.exec()


def make_application() -> QApplication:
    """Return the application, made if there is none."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    qInstallMessageHandler(_log_qt)
    QGuiApplication.setDesktopFileName("lrstudio")
    app = QApplication(sys.argv[:1])
    app.setApplicationName("lrstudio")
    app.setApplicationDisplayName("LongReward Studio")
    app.setApplicationVersion(lrstudio.__version__)
    return app


def make_window(app: QApplication, *, store: SettingsStore | None = None) -> MainWindow:
    """Return a window that is not shown yet."""
    store = store or SettingsStore()
    trouble = ""
    try:
        settings = store.load()
    except (Refused, Environment) as error:
        settings, trouble = Settings(), str(error)  # the window comes up all the same
    window = MainWindow(ThemeSwitch(app, name=theme_name(settings.theme)), store, settings)
    if trouble:
        window.banner.refuse(f"The settings were not read: {trouble}")
    return window


def print_page(page: Path, out: Path) -> None:
    """Write an HTML file as a PDF.

    Raises:
        Environment: it cannot be read or written.
    """
    from lrstudio.formats.whole import whole_file
    from lrstudio.qt.printing import pdf_of

    app = make_application()
    try:
        html = page.read_text(encoding="utf-8")
    except OSError as error:
        raise Environment(f"cannot be read: {error.strerror}", where=str(page)) from error
    made = pdf_of(html, title=out.stem)
    with whole_file(out) as file:
        file.write(made)
    del app


def render_screens(
    project: Path,
    out: Path,
    *,
    sizes: Sequence[tuple[int, int]] = SIZES,
    themes: Sequence[str] = THEMES,
) -> list[Path]:
    """Render the window over a project into PNG files, without a person and without touching their settings.

    Args:
        project: the project to show; it is opened, not changed.
        out: the folder for the pictures, made if need be.
        sizes: widths and heights of the window in pixels.
        themes: names of themes.

    Raises:
        Refused: there is no such project.
        Environment: the window did not come up in time, or a picture cannot be written.
    """
    from lrstudio.qt.screens import Shooting, failure

    app = make_application()
    quits = app.quitOnLastWindowClosed()
    app.setQuitOnLastWindowClosed(False)
    shooting = Shooting(app, project, out, sizes=sizes, themes=themes)
    shooting.finished.connect(app.quit)
    try:
        shooting.start()
        _run(app)
    finally:
        app.setQuitOnLastWindowClosed(quits)
        shooting.clear()
    if shooting.trouble:
        raise failure(shooting.trouble)
    return shooting.pictures


class _Hook(QObject):
    """Brings an error that nobody caught, in whatever thread, before the person's eyes."""

    caught = Signal(object)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.caught.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def _show(self, error: BaseException) -> None:
        from lrstudio.qt.bridge.reports import bug_report

        self._window.works.messages.show_bug(bug_report(error))

    def in_main(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        self.caught.emit(error)

    def in_thread(self, raised: threading.ExceptHookArgs) -> None:
        if raised.exc_value is not None:
            self.caught.emit(raised.exc_value)


@contextmanager
def _last_resort(window: MainWindow) -> Iterator[None]:
    hook = _Hook(window)
    before, before_in_threads = sys.excepthook, threading.excepthook
    sys.excepthook, threading.excepthook = hook.in_main, hook.in_thread
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = before, before_in_threads


def _log_qt(kind: QtMsgType, _context: QMessageLogContext, message: str | None) -> None:
    if message and _NOISE not in message:
        _log.log(_LEVELS.get(kind, logging.WARNING), "%s", message)
