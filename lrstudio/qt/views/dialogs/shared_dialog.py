"""Where a shared project is, and how to get in."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QLineEdit, QWidget

from lrstudio.domain.errors import Refused
from lrstudio.domain.places import Answered, DatabaseUrl
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, Words
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.forms import Choice, FormRow, Whole
from lrstudio.viewstate import shared_words as words
from lrstudio.viewstate.judge_fields import FieldWords

_MOST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be opened or made. The password, "" for one that is kept, is in no text of this record."""

    place: DatabaseUrl
    password: str = field(repr=False)
    keep: bool
    title: str


class SharedDialog(Dialog):
    """The fields, a test of the connection, and the two ways in.

    Signals:
        tested: a `Wanted` whose server is to be asked.
        opened: a `Wanted` that is to be opened.
        created: a `Wanted` that is to be made and opened.
    """

    tested = Signal(object)
    opened = Signal(object)
    created = Signal(object)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Shared project", parent, size=(84, 78))
        self._color = switch.theme.tokens["contradicted"]
        self.host = Field(name="Host", placeholder="db.example.org")
        self.port = Whole(name="Port", least=1, most=_MOST_PORT)
        self.port.setGroupSeparatorShown(False)
        self.database = Field(name="Database", placeholder="audit")
        self.user = Field(name="User")
        self.password = Field(name="Password")
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.keep = QCheckBox(words.KEEP)
        self.encryption = Choice(words.ENCRYPTION, name="Encryption")
        self.certificate = Field(name="Certificate")
        self.choose_button = Button("Choose…")
        self.title = Field(name="Title")
        self.problem = Problem(self._color)
        self.outcome = Words("", quiet=True)
        self.test_button = Button("Test the connection")
        self.create_button = Button("Create")
        self.open_button = Button("Open", kind=Kind.PRIMARY)
        self._encryption_row = FormRow(FieldWords("Encryption", " "), self.encryption)
        self._lay_out()
        self._connect()
        self.show_place(words.Typed())
        self.take_room()
        self.host.setFocus()

    def show_place(self, typed: words.Typed) -> None:
        """Fill the fields in; the password stays empty."""
        self.host.setText(typed.host)
        self.port.setValue(typed.port)
        self.database.setText(typed.database)
        self.user.setText(typed.user)
        self.encryption.select(typed.sslmode)
        self.certificate.setText(typed.sslrootcert)
        self._explain()

    def typed(self) -> words.Typed:
        """Return what stands in the fields."""
        return words.Typed(
            self.host.text(),
            self.port.value(),
            self.database.text(),
            self.user.text(),
            str(self.encryption.currentData()),
            self.certificate.text(),
        )

    def show_answer(self, answered: Answered) -> None:
        """Say what the server answered."""
        self._set_busy("")
        self.outcome.setText(words.answer_words(answered))
        empty = answered.title is None and not answered.tables
        (self.create_button if empty else self.open_button).setFocus()

    def refuse(self, sentence: str) -> None:
        """Say what is in the way, with the keyboard where it can be mended."""
        self._set_busy("")
        self.problem.say(sentence)
        if "password" in sentence:
            self.password.setFocus()

    def _ask(self, signal: str) -> None:
        """Send what the fields say, unless they say nothing that can be sent."""
        if not self.open_button.isEnabled():
            return
        try:
            place = words.typed_place(self.typed())
        except Refused as error:
            self.refuse(str(error))
            (self.host if error.where != words.DATABASE.label else self.database).setFocus()
            return
        self.show_place(words.typed_of(place))
        self._set_busy("Connecting …")
        wanted = Wanted(place, self.password.text(), self.keep.isChecked(), self.title.text().strip())
        {"test": self.tested, "open": self.opened, "create": self.created}[signal].emit(wanted)

    def _set_busy(self, said: str) -> None:
        self.problem.say("")
        self.outcome.setText(said)
        for button in (self.test_button, self.create_button, self.open_button):
            button.setEnabled(not said)

    def _explain(self) -> None:
        self._encryption_row.explain(words.encryption_words(self.typed()))

    def _choose_certificate(self) -> None:
        dialog = QFileDialog(self, "The certificate of the authority")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter("Certificates (*.pem *.crt *.cer);;All files (*)")
        dialog.fileSelected.connect(self.certificate.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _connect(self) -> None:
        self.host.textChanged.connect(lambda _text: self._explain())
        self.encryption.currentIndexChanged.connect(lambda _at: self._explain())
        self.choose_button.clicked.connect(self._choose_certificate)
        self.test_button.clicked.connect(lambda: self._ask("test"))
        self.open_button.clicked.connect(lambda: self._ask("open"))
        self.create_button.clicked.connect(lambda: self._ask("create"))
        for line in (self.host, self.database, self.user, self.password, self.certificate):
            line.returnPressed.connect(lambda: self._ask("open"))
        self.title.returnPressed.connect(lambda: self._ask("create"))

    def _lay_out(self) -> None:
        for row in (
            FormRow(words.HOST, self.host),
            FormRow(FieldWords("Port", ""), self.port),
            FormRow(words.DATABASE, self.database),
            FormRow(words.USER, self.user),
            FormRow(words.PASSWORD, self.password),
            FormRow(FieldWords("", ""), self.keep),
            self._encryption_row,
            FormRow(words.CERTIFICATE, self.certificate, beside=(self.choose_button,)),
            FormRow(words.TITLE, self.title),
        ):
            self.column.addWidget(row)
        self.column.addWidget(self.problem)
        self.column.addWidget(self.outcome)
        self.column.addStretch(1)
        close = Button("Close")
        close.clicked.connect(self.close)
        self.add_buttons([self.test_button, self.create_button, self.open_button, close])
