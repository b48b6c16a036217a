"""Says what happened: in the banner, or in a report where it was our fault."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.bridge.reports import BugReport, Refusal, Trouble
from lrstudio.qt.views.banner import Banner
from lrstudio.qt.views.project_desk import Notice

_PASSING_MS = 6000


class Messages(QObject):
    """Leads errors and notices to where a person sees them; a notice that asks for nothing goes by itself."""

    def __init__(self, window: QWidget, banner: Banner, operations: Operations) -> None:
        super().__init__(window)
        self._window = window
        self._banner = banner
        self._fading = QTimer(self, singleShot=True, interval=_PASSING_MS)
        self._fading.timeout.connect(banner.hide)
        operations.refused.connect(self._refused)
        operations.troubled.connect(self._troubled)
        operations.crashed.connect(self.show_bug)

    def tell(self, notice: Notice) -> None:
        """Show a notice; one without text takes the last one away."""
        self._fading.stop()
        if not notice.text:
            self._banner.hide()
        elif notice.refused:
            self._banner.refuse(notice.text, label=notice.label, do=notice.do)
        else:
            self._banner.tell(notice.text, label=notice.label, do=notice.do)
            if notice.do is None:
                self._fading.start()

    def show_bug(self, report: BugReport) -> None:
        """Show an error that is ours."""
        from lrstudio.qt.views.dialogs.reading import BugDialog

        BugDialog(report, self._window).show()

    def _refused(self, refusal: Refusal) -> None:
        self.tell(Notice(str(refusal.error), refused=True))

    def _troubled(self, trouble: Trouble) -> None:
        self._fading.stop()
        self._banner.trouble(str(trouble.error), retry=trouble.retry)
