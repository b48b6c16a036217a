"""The window over hosts: those there are, the fields of one, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from lrstudio.domain.errors import Refused
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Line, Splitter, Words, panel_ground, unit
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.hosts_form import HostForm
from lrstudio.qt.views.hosts_rows import SignList
from lrstudio.qt.views.hosts_standing import HostStanding
from lrstudio.qt.views.scroll import quiet
from lrstudio.qt.views.start_page import EmptyState
from lrstudio.training.hosts.host import Host
from lrstudio.viewstate import hosts as words
from lrstudio.viewstate.hosts import TypedHost
from lrstudio.viewstate.hosts_found import NO_HOST, SignRow, Standing, standing_sign, standing_words


class HostsWindow(Dialog):
    """The window. What a person typed and did not save is lost only when they say so.

    Signals:
        save_wanted: a `Host`, and the name that it had, "" for a new one.
        remove_wanted: the name of a host that is to be removed, when a person is sure.
        probe_wanted, prepare_wanted, cancel_wanted: the name of a host.
        accepted: the name of a host, and the fingerprint of a key that a person accepts.
    """

    save_wanted = Signal(object, str)
    remove_wanted = Signal(str)
    probe_wanted = Signal(str)
    prepare_wanted = Signal(str)
    cancel_wanted = Signal(str)
    accepted = Signal(str, str)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Hosts", parent, size=(144, 92))
        self._hosts: tuple[Host, ...] = ()
        self._standings: dict[str, Standing] = {}
        self._before = TypedHost()
        self._closing = False
        self._next = ""
        self.shown = ""
        """The name of the host in the fields, "" for a new one."""
        self.hosts = SignList(switch, name="Hosts", wraps=False)
        self.add = Button("Add a host")
        self.add.setToolTip("Ctrl+N")
        self.title = Words("", strong=True)
        self.form = HostForm(switch)
        self.problem = Problem(switch.theme.tokens["contradicted"])
        self.save = Button("Save", kind=Kind.PRIMARY)
        self.save.setToolTip("Enter in a field, or Ctrl+S")
        self.revert = Button("Drop the changes")
        self.remove = Button("Remove…")
        self.standing = HostStanding(switch)
        self.add_first = Button("Add a host", kind=Kind.PRIMARY)
        self.nothing = EmptyState("No host yet", NO_HOST, (self.add_first,))
        self._lay_out()
        self._connect()
        self.take_room()

    # What is shown

    def show_hosts(self, hosts: Sequence[Host], *, chosen: str = "") -> None:
        """Show the hosts there are, and one of them; what is typed stays where it is still about one of them."""
        self._hosts = tuple(hosts)
        names = [it.name for it in hosts]
        self._show_rows()
        if chosen in names:
            self._fill(chosen)
        elif self.shown and self.shown not in names:
            self._fill(names[0] if names else "")
        elif not self.shown and not self.unsaved and names:
            self._fill(names[0])
        if not names and not self.unsaved:
            self._pages.setCurrentWidget(self.nothing)
            self.add_first.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_standing(self, name: str, standing: Standing) -> None:
        """Show what is known of a host by now."""
        self._standings[name] = standing
        self._show_rows()
        if name == self.shown:
            self.standing.show_standing(name, standing)

    def begin_new(self) -> None:
        """Begin a new host, with the keyboard in its first field."""
        if self._may_leave(" new"):
            self._pages.setCurrentWidget(self._split)
            self._fill("")
            self.form.go_to("name")

    def refuse(self, error: Refused | str) -> None:
        """Say why something was not done, beside the field that it is about."""
        self.save.setEnabled(True)
        if isinstance(error, Refused) and self.form.refuse(error.where, _sentence(error.sentence)):
            return
        self.problem.say(_sentence(str(error)))

    def saved(self, name: str) -> None:
        """Take over that the fields were saved, under this name, with the keyboard where one goes on."""
        self.shown = name
        self._before = self.form.typed
        self.save.setEnabled(True)
        self.standing.probe.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def unsaved(self) -> bool:
        """Whether something was typed that is not saved."""
        return self._pages.currentWidget() is self._split and self.form.typed != self._before

    # Its own doings

    def _fill(self, name: str) -> None:
        host = next((it for it in self._hosts if it.name == name), None)
        self.shown = name if host is not None else ""
        self._next = ""
        self._before = words.typed_host(host) if host is not None else TypedHost()
        self.form.show_host(self._before, others=[it.name for it in self._hosts if it.name != self.shown])
        self._before = self.form.typed
        self.title.setText(self.shown or "A new host")
        self.problem.say("")
        self.save.setEnabled(True)
        self._pages.setCurrentWidget(self._split)
        self._show_rows()
        self._show_state()
        self.standing.show_standing(self.shown, self._standings.get(self.shown, Standing()) if self.shown else None)

    def _show_rows(self) -> None:
        rows = []
        for it in self._hosts:
            known = self._standings.get(it.name, Standing())
            lines = f"{words.host_line(it)}\n{standing_words(known)}"
            rows.append(SignRow(it.name, standing_sign(known), it.name, lines))
        self.hosts.show_rows(rows, chosen=self.shown)

    def _show_state(self) -> None:
        unsaved = self.unsaved
        self.revert.setEnabled(unsaved)
        self.remove.setVisible(bool(self.shown))

    def _edited(self) -> None:
        self._closing = False
        self._next = ""
        self.problem.say("")
        self._show_state()

    def _save(self) -> None:
        if self._pages.currentWidget() is not self._split or not self.save.isEnabled():
            return
        if self.form.problems(lead=True):
            return
        self.problem.say("")
        self.save.setEnabled(False)
        self.save_wanted.emit(words.host_of(self.form.typed), self.shown)

    def _drop(self) -> None:
        self._fill(self.shown)

    def _choose(self, name: str) -> None:
        if name and name != self.shown:
            if self._may_leave(name):
                self._fill(name)
            else:
                self.hosts.show_rows(self.hosts.rows, chosen=self.shown)

    def _may_leave(self, to: str) -> bool:
        """Ask once before what was typed is lost: the second time that the same is wanted it goes."""
        if not self.unsaved or self._next == to:
            return True
        self._next = to
        self.problem.say("There are changes that are not saved. Save them, or choose once more to drop them.")
        return False

    def _ask(self, signal: str) -> None:
        """Ask a host that is saved as it stands in the fields."""
        if not self.shown:
            return
        if self.unsaved:
            self.problem.say("Save the changes first: the host is asked as it is saved.")
            self.save.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        {"probe": self.probe_wanted, "prepare": self.prepare_wanted}[signal].emit(self.shown)

    def reject(self) -> None:
        """Close, asking once before what was typed is lost; Qt comes here however the window is closed."""
        if self.unsaved and not self._closing:
            self._closing = True
            self.problem.say("There are changes that are not saved. Save them, or close once more to drop them.")
            return
        super().reject()

    def _connect(self) -> None:
        self.hosts.chosen.connect(self._choose)
        self.hosts.taken.connect(lambda _name: self.form.go_to("address"))
        self.hosts.unwanted.connect(self._remove)
        for button in (self.add, self.add_first):
            button.clicked.connect(self.begin_new)
        self.form.changed.connect(self._edited)
        self.form.entered.connect(self._save)
        self.save.clicked.connect(self._save)
        self.revert.clicked.connect(self._drop)
        self.remove.clicked.connect(lambda: self._remove(self.shown))
        self.standing.probe_wanted.connect(lambda: self._ask("probe"))
        self.standing.prepare_wanted.connect(lambda: self._ask("prepare"))
        self.standing.cancel_wanted.connect(lambda: self.cancel_wanted.emit(self.shown))
        self.standing.accepted.connect(lambda fingerprint: self.accepted.emit(self.shown, fingerprint))
        deeds: Mapping[str, object] = {
            "Ctrl+S": self._save,
            "Ctrl+N": self.begin_new,
            "F5": lambda: self._ask("probe"),
            "F9": lambda: self._ask("prepare"),
        }
        for key, deed in deeds.items():
            QShortcut(QKeySequence(key), self).activated.connect(deed)

    def _remove(self, name: str) -> None:
        if name:
            self.remove_wanted.emit(name)

    def _lay_out(self) -> None:
        step = unit(self)
        left = QWidget()
        side = QVBoxLayout(left)
        side.setContentsMargins(0, 0, step, 0)
        side.setSpacing(step)
        side.addWidget(self.hosts, 1)
        side.addWidget(self.add)
        fields = QWidget()
        panel_ground(fields)
        column = QVBoxLayout(fields)
        column.setContentsMargins(0, 0, step * 3 // 2, 0)
        column.addWidget(self.form)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(fields)
        quiet(scroll)
        middle = QWidget()
        main = QVBoxLayout(middle)
        main.setContentsMargins(2 * step, 0, 0, 0)
        main.setSpacing(step)
        main.addWidget(self.title)
        main.addWidget(scroll, 1)
        main.addWidget(self.problem)
        main.addWidget(Line())
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, step * 3 // 2, 0)
        row.setSpacing(step)
        row.addWidget(self.remove)
        row.addStretch(1)
        row.addWidget(self.revert)
        row.addWidget(self.save)
        main.addLayout(row)
        self._split = Splitter(Qt.Orientation.Horizontal, name="hosts")
        for widget in (left, middle, self.standing):
            self._split.addWidget(widget)
        for at, stretch in enumerate((1, 3, 3)):
            self._split.setStretchFactor(at, stretch)
        self._split.setSizes([30 * step, 54 * step, 56 * step])
        self._pages = QStackedWidget()
        self._pages.addWidget(self.nothing)
        self._pages.addWidget(self._split)
        self.column.addWidget(self._pages, 1)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
