"""Where a run is to train: this machine or a host, with what is known of it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button
from lrstudio.qt.views.chrome import small, unit
from lrstudio.qt.views.forms import Choice
from lrstudio.qt.views.training_fields import Labelled, narrow
from lrstudio.training.hosts.host import THIS_MACHINE, Host
from lrstudio.viewstate.hosts import reached_by


class TargetField(QWidget):
    """The choice, a button to the hosts, and a line on the one that is chosen.

    Signals:
        changed: another one is chosen.
        hosts_wanted: the hosts are to be shown, the one with this name first.
    """

    changed = Signal()
    hosts_wanted = Signal(str)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filling = False
        self.lacks = ""
        """What a run on the one that is chosen lacks, "" where nothing is in its way."""
        self.choice = narrow(Choice(((THIS_MACHINE, THIS_MACHINE),), name="Run on"))
        self.hosts_button = Button("Hosts…")
        self.known = QLabel("")
        self.known.setWordWrap(True)
        self.known.setTextFormat(Qt.TextFormat.PlainText)
        self.known.setFont(small(self.known.font()))
        self.known.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        both = QWidget()
        both.setFocusProxy(self.choice)
        both.setAccessibleName("Run on")
        across = QHBoxLayout(both)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(unit(self) // 2)
        across.addWidget(self.choice, 1)
        across.addWidget(self.hosts_button)
        self.row = Labelled("Run on", both, switch, meaning="This machine, or a host that is reached by SSH.")
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(max(2, unit(self) // 3))
        box.addWidget(self.row)
        box.addWidget(self.known)
        self.choice.currentIndexChanged.connect(lambda _at: None if self._filling else self.changed.emit())
        self.hosts_button.clicked.connect(lambda: self.hosts_wanted.emit(self.host))
        self.say("")

    @property
    def host(self) -> str:
        """The name of the host that is chosen, "" for this machine."""
        name = str(self.choice.currentData())
        return "" if name == THIS_MACHINE else name

    def choose(self, name: str) -> None:
        """Choose a host, "" for this machine."""
        self.choice.select(name or THIS_MACHINE)

    def show_hosts(self, hosts: Sequence[Host]) -> None:
        """Offer these; the one that was chosen stays so while it is there, else it is this machine."""
        chosen = self.host
        self._filling = True
        while self.choice.count() > 1:
            self.choice.removeItem(1)
        for it in hosts:
            self.choice.addItem(f"{it.name}  ·  {reached_by(it)}", it.name)
        self.choice.select(chosen or THIS_MACHINE)
        self._filling = False
        if self.host != chosen:
            self.changed.emit()

    def say(self, known: str, *, lacks: str = "") -> None:
        """Say what is known of the one that is chosen, and what it lacks."""
        self.lacks = lacks
        self.known.setText(known)
        self.known.setVisible(bool(known) and not lacks)
        self.row.refuse(lacks)
