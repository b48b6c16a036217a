"""What is known of a host: its key where it is new, what a probe found, and how far its preparation is."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette, QTextOption
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QProgressBar, QStackedWidget, QVBoxLayout, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button
from lrstudio.qt.views.chrome import bold, small, unit
from lrstudio.qt.views.dialogs.base import reading_view
from lrstudio.qt.views.hosts_rows import SignList
from lrstudio.qt.views.training_preview import Tinted
from lrstudio.viewstate import hosts_found as words
from lrstudio.viewstate.hosts_found import NewKey, Standing

_KEY_LINES = 3


class KeyPanel(QWidget):
    """A key that nobody has accepted: its type and fingerprint to compare, and the press that accepts it.

    Signals:
        accepted: a person accepts the key with this fingerprint.
    """

    accepted = Signal(str)

    def __init__(self, switch: ThemeSwitch) -> None:
        super().__init__()
        self._key: NewKey | None = None
        self.said = Tinted("partial", switch, name="New key")
        self.fingerprint = reading_view("", name="Key", fixed=True)
        self.fingerprint.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.fingerprint.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)  # it is to be compared whole
        self.fingerprint.document().setDocumentMargin(0)
        self.fingerprint.setFixedHeight(_KEY_LINES * self.fingerprint.fontMetrics().lineSpacing() + 4)
        self.check = _quiet_label()
        self.accept = Button("Accept this key")
        self.accept.clicked.connect(self._accept)
        row = QHBoxLayout()
        row.addWidget(self.accept)
        row.addStretch(1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(unit(self))
        for widget in (self.said, self.fingerprint, self.check):
            box.addWidget(widget)
        box.addLayout(row)

    def show_key(self, host: str, key: NewKey | None) -> None:
        """Show a key, None for none."""
        self._key = key
        self.setVisible(key is not None)
        self.said.say(words.key_words(host, key) if key else "")
        text = f"{key.kind}\n{key.fingerprint}" if key else ""
        if text != self.fingerprint.toPlainText():  # else what was selected in it stays
            self.fingerprint.setPlainText(text)
        self.fingerprint.setAccessibleName(f"Key {key.kind}, {key.fingerprint}" if key else "Key")
        self.check.setText(words.key_check_words(key) if key else "")

    def _accept(self) -> None:
        if self._key is not None:
            self.accepted.emit(self._key.fingerprint)


class HostStanding(QWidget):
    """The right side of the window over hosts.

    Signals:
        probe_wanted, prepare_wanted, cancel_wanted: the button was pressed.
        accepted: the fingerprint of a key that a person accepts.
    """

    probe_wanted = Signal()
    prepare_wanted = Signal()
    cancel_wanted = Signal()
    accepted = Signal(str)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = QLabel("On the host")
        self.heading.setFont(bold(self.heading.font()))
        self.summary = QLabel("")
        self.summary.setWordWrap(True)
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        self.probe = Button("Probe")
        self.probe.setToolTip("Ask what is there; changes nothing (F5)")
        self.prepare = Button("Prepare")
        self.prepare.setToolTip("Make the environment that trains, or see that the named one does (F9)")
        self.cancel = Button("Cancel")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress on the host")
        self.bar.setFixedHeight(max(4, unit(self) // 2))
        self.said = _quiet_label()
        self.trouble = Tinted("contradicted", switch, name="Problem")
        self.key = KeyPanel(switch)
        self.found = SignList(switch, name="What was found", wraps=True)
        self.nothing = _quiet_label()
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages = QStackedWidget()
        self._lay_out()
        self.probe.clicked.connect(self.probe_wanted)
        self.prepare.clicked.connect(self.prepare_wanted)
        self.cancel.clicked.connect(self.cancel_wanted)
        self.key.accepted.connect(self.accepted)

    def show_standing(self, host: str, standing: Standing | None) -> None:
        """Show what is known of a host; None where it is not saved yet."""
        known = standing or Standing()
        busy = bool(known.doing)
        leaving = (self.cancel, self.probe, self.prepare, self.key.accept, self.key.fingerprint)
        had = next((it for it in leaving if it.hasFocus()), None)
        self.probe.setEnabled(standing is not None)
        self.prepare.setEnabled(standing is not None and known.key is None)
        for button in (self.probe, self.prepare):
            button.setVisible(not busy)
        self.cancel.setVisible(busy)
        self.bar.setVisible(busy)
        self.bar.setRange(0, 1000 if known.share is not None else 0)
        self.bar.setValue(round(1000 * known.share) if known.share is not None else 0)
        self.said.setText(known.said)
        self.said.setVisible(busy)
        self.key.show_key(host, known.key if not busy else None)
        self.trouble.say(words.trouble_words(known) if known.key is None and not busy else "")
        self.found.show_rows(words.found_rows(known.probe) if known.probe else ())
        self._pages.setCurrentWidget(self.found if known.probe else self.nothing)
        if had is not None and not had.isVisibleTo(self):
            (self.cancel if busy else self.probe).setFocus(Qt.FocusReason.OtherFocusReason)
        empty = words.NOT_PROBED if standing is not None else words.NO_HOST
        quiet = busy or known.key is not None or bool(known.trouble)
        self.nothing.setText("" if quiet else empty)
        self.summary.setText(words.summary_words(known))
        self.summary.setVisible(known.probe is not None)

    def _lay_out(self) -> None:
        step = unit(self)
        buttons = QHBoxLayout()
        buttons.setSpacing(step)
        for button in (self.probe, self.prepare, self.cancel):
            buttons.addWidget(button)
        buttons.addStretch(1)
        self._pages.addWidget(self.nothing)
        self._pages.addWidget(self.found)
        box = QVBoxLayout(self)
        box.setContentsMargins(2 * step, 0, 0, 0)
        box.setSpacing(step)
        box.addWidget(self.heading)
        box.addLayout(buttons)
        for widget in (self.bar, self.said, self.trouble, self.key, self.summary):
            box.addWidget(widget)
        box.addWidget(self._pages, 1)


def _quiet_label() -> QLabel:
    label = QLabel("")
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setFont(small(label.font()))
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label
