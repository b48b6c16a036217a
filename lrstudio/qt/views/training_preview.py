"""What is known of a training before it starts: lengths of rows, memory and time, checks, what must be accepted."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Words, bold, small, unit
from lrstudio.qt.views.signs import paint_chip
from lrstudio.viewstate.audit_signs import Chip
from lrstudio.viewstate.training_preview import Acceptance, Bar, Preview

_IDS_MOST = 200


class Histogram(QWidget):
    """Rows by their length, as bars; the numbers are in its tooltip and its description."""

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._switch = switch
        self._bars: tuple[Bar, ...] = ()
        self.setAccessibleName("Tokens per row")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        switch.changed.connect(self.update)

    def show_bars(self, bars: Sequence[Bar]) -> None:
        """Show other bars."""
        self._bars = tuple(bars)
        self.setAccessibleDescription("; ".join(it.words for it in bars if it.rows))
        self.update()

    def sizeHint(self) -> QSize:
        """Ask for a strip."""
        step = unit(self)
        return QSize(20 * step, 10 * step)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bars, their heights as counts, their bounds below."""
        painter = QPainter(self)
        painter.setFont(small(self.font()))
        metrics = QFontMetrics(painter.font())
        floor = self.height() - metrics.height() - 2
        most = max((it.rows for it in self._bars), default=0) or 1
        color = self._switch.theme.color("evidence_mark")
        for at, bar in enumerate(self._bars):
            box = self._box(at)
            tall = (floor - metrics.height()) * bar.rows / most
            painter.setPen(Qt.PenStyle.NoPen)
            painter.fillRect(QRectF(box.left(), floor - tall, box.width(), max(1.0, tall)), color)
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            area = box.adjusted(-4, 0, 4, 0)
            painter.drawText(
                QRectF(area.left(), floor + 1, area.width(), metrics.height()), Qt.AlignmentFlag.AlignCenter, bar.label
            )
            if bar.rows:
                over = QRectF(area.left(), floor - tall - metrics.height(), area.width(), metrics.height())
                painter.drawText(over, Qt.AlignmentFlag.AlignCenter, f"{bar.rows:,}")

    def event(self, event: object) -> bool:
        """Say what a bar stands for."""
        if isinstance(event, QHelpEvent):
            at = next((at for at in range(len(self._bars)) if self._box(at).contains(event.pos().toPointF())), -1)
            QToolTip.showText(event.globalPos(), self._bars[at].words if at >= 0 else "", self)
            return True
        return super().event(event)  # type: ignore[arg-type]

    def _box(self, at: int) -> QRectF:
        gap = max(2, unit(self) // 3)
        width = min((self.width() + gap) / max(1, len(self._bars)) - gap, 6.0 * unit(self))
        return QRectF(at * (width + gap), 0, width, self.height())


class Tinted(QLabel):
    """Some sentences on a tint that says of what kind they are; hidden while there are none.

    Signals:
        pressed: it was clicked.
    """

    pressed = Signal()

    def __init__(self, token: str, switch: ThemeSwitch, *, name: str) -> None:
        super().__init__("")
        self._token = token
        self._switch = switch
        self._name = name
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        switch.changed.connect(self._dress)
        self._dress()
        self.hide()

    def say(self, text: str) -> None:
        """Show some sentences; "" hides it."""
        self.setText(text)
        self.setAccessibleName(f"{self._name}: {text}" if text else self._name)
        self.setVisible(bool(text))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell of the click."""
        self.pressed.emit()

    def _dress(self) -> None:
        theme, step = self._switch.theme, unit(self)
        ground = theme.color("selection" if self._token == "accent" else f"{self._token}_tint").name()
        ink = theme.color("text").name()
        self.setStyleSheet(f"background: {ground}; color: {ink}; border-radius: 6px; padding: {step * 3 // 4}px;")


class Checks(QWidget):
    """The checks one below the other, each a chip; what it said is its tooltip."""

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._switch = switch
        self._checks: tuple[tuple[Chip, str], ...] = ()
        self.setFont(small(self.font()))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        switch.changed.connect(self.update)

    def show_checks(self, checks: Sequence[tuple[Chip, str]]) -> None:
        """Show other checks."""
        self._checks = tuple(checks)
        told = "; ".join(f"{chip.word} {'passed' if chip.sign.value == 'full' else 'failed'}" for chip, _ in checks)
        self.setAccessibleName(f"Checks: {told}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Ask for two columns of chips."""
        return QSize(30 * unit(self), ((len(self._checks) + 1) // 2) * self._height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the chips."""
        painter = QPainter(self)
        painter.setFont(self.font())
        for at, (chip, _) in enumerate(self._checks):
            paint_chip(painter, self._box(at).toRect(), chip, self._switch.theme)

    def event(self, event: object) -> bool:
        """Say what a check found."""
        if isinstance(event, QHelpEvent):
            found = (said for at, (_, said) in enumerate(self._checks) if self._box(at).contains(event.pos()))
            QToolTip.showText(event.globalPos(), next(found, ""), self)
            return True
        return super().event(event)  # type: ignore[arg-type]

    def _height(self) -> int:
        return self.fontMetrics().height() * 3 // 2 + 4

    def _box(self, at: int) -> QRectF:
        half = self.width() / 2
        return QRectF((at % 2) * half, (at // 2) * self._height(), half - unit(self), self._height())


class TrainingPreview(QWidget):
    """Everything that a check found, and the line of the check under way.

    Signals:
        accepted_changed: a person ticked or unticked what is to be accepted.
        ids_wanted: the `Acceptance` whose rows are to be listed.
        stale_wanted: the stale pairs are to be looked at.
        keyboard_left: the boxes go, and one of them has the keyboard.
    """

    accepted_changed = Signal()
    ids_wanted = Signal(object)
    stale_wanted = Signal()
    keyboard_left = Signal()

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._accepts: dict[str, QCheckBox] = {}
        self.title = QLabel("Tokens per row")
        self.title.setFont(bold(self.title.font()))
        self.counts = Words("", quiet=True)
        self.counts.setFont(small(self.counts.font()))
        self.histogram = Histogram(switch)
        self.checks = Checks(switch)
        self.problems = Tinted("contradicted", switch, name="Problems")
        self.estimate = Tinted("accent", switch, name="Estimate")
        self.stale = Tinted("partial", switch, name="Stale pairs")
        self.stale.setToolTip("Show these pairs in the Pairs workspace")
        self.stale.pressed.connect(self.stale_wanted)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress of the check")
        self.progress.setFixedHeight(max(4, unit(self) // 2))
        self.said = QLabel("")
        self.said.setWordWrap(True)
        self.said.setFont(small(self.said.font()))
        self.said.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._found = QWidget()
        self._boxes = QVBoxLayout()
        self._lay_out()
        self.show_found(None)
        self.show_progress("")

    @property
    def ticked(self) -> dict[str, bool]:
        """What a person has ticked, by option."""
        return {name: box.isChecked() for name, box in self._accepts.items()}

    def show_found(self, found: Preview | None, *, problems: str = "") -> None:
        """Show what a check found, None for nothing yet; `problems` says what it ended with instead."""
        if any(it.hasFocus() for it in self._accepts.values()):
            self.keyboard_left.emit()
        self._found.setVisible(found is not None)
        while (item := self._boxes.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.setParent(None)
                widget.deleteLater()
        self._accepts = {}
        if found is None:
            self.problems.say(problems)
            self.estimate.say("")
            return
        self.counts.setText(found.counts)
        self.histogram.show_bars(found.bars)
        self.checks.show_checks(found.checks)
        failed = [said for chip, said in found.checks if chip.sign.value != "full"]
        self.problems.say(problems or "\n".join(failed))
        self.estimate.say("\n".join(filter(None, (found.memory, found.time))))
        for it in found.acceptances:
            self._add_acceptance(it)

    def ask(self, words: str) -> None:
        """Ask a person to accept rows, and lead the keyboard to the box."""
        self.problems.say(words)
        for box in self._accepts.values():
            if not box.isChecked():
                box.setFocus(Qt.FocusReason.OtherFocusReason)
                return

    def show_progress(self, said: str, share: float | None = None) -> None:
        """Say how far a check is; "" where none is under way."""
        self.progress.setVisible(bool(said))
        self.said.setVisible(bool(said))
        self.said.setText(said)
        self.progress.setRange(0, 1000 if share is not None else 0)
        self.progress.setValue(round(1000 * share) if share is not None else 0)

    def _add_acceptance(self, it: Acceptance) -> None:
        box = QCheckBox(f"Accept: {it.words}")
        box.toggled.connect(lambda _on: self.accepted_changed.emit())
        ids = Button("Which", kind=Kind.FLAT)
        ids.setAccessibleName(f"Which rows: {it.words}")
        listed = ", ".join(it.row_ids[:_IDS_MOST]) + (" …" if len(it.row_ids) > _IDS_MOST else "")
        ids.setToolTip(listed)
        ids.clicked.connect(lambda _on=False, of=it: self.ids_wanted.emit(of))
        self._accepts[it.option] = box
        across = QWidget()
        row = QHBoxLayout(across)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(box)
        row.addStretch(1)
        row.addWidget(ids)
        self._boxes.addWidget(across)

    def _lay_out(self) -> None:
        step = unit(self)
        found = QVBoxLayout(self._found)
        found.setContentsMargins(0, 0, 0, 0)
        found.setSpacing(step // 2)
        found.addWidget(self.title)
        found.addWidget(self.counts)
        found.addWidget(self.histogram)
        found.addWidget(self.checks)
        self._boxes.setContentsMargins(0, 0, 0, 0)
        found.addLayout(self._boxes)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(step)
        for widget in (self._found, self.estimate, self.problems, self.stale):
            box.addWidget(widget)
