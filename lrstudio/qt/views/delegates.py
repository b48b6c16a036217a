"""How rows are painted: questions and candidates on the left, claims and key points below the texts."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import QPlainTextEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTreeView, QWidget

from lrstudio.qt.models.part_table import FOCUS_ROLE, USES_ROLE, Column
from lrstudio.qt.models.part_table import ROW_ROLE as PART_ROLE
from lrstudio.qt.models.question_tree import ROW_ROLE, is_candidate
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.chrome import bold, small
from lrstudio.qt.views.scroll import quiet
from lrstudio.qt.views.signs import chip_width, glyph_row_width, paint_check, paint_chip, paint_glyph_row
from lrstudio.viewstate.audit_list import CandidateRow, QuestionRow
from lrstudio.viewstate.audit_parts import PartRow
from lrstudio.viewstate.audit_signs import Chip, Sign

Index = QModelIndex | QPersistentModelIndex

_HEADING_LINES = 3
_TEXT_LINES = 2
_SHORTEST = 6  # characters of a name that is cut


def _grid(metrics: QFontMetrics) -> int:
    return max(6, round(metrics.height() / 2))


def _wrapped(metrics: QFontMetrics, text: str, *, width: int, most: int = 0) -> int:
    """Return the height of a wrapped text, of at most so many lines (0 for all)."""
    height = metrics.boundingRect(QRect(0, 0, max(1, width), 1 << 20), int(Qt.TextFlag.TextWordWrap), text).height()
    return min(height, most * metrics.lineSpacing()) if most else height


class QuestionDelegate(QStyledItemDelegate):
    """Headings wrap over three lines; a candidate is its letter, reward, signs and a word."""

    def __init__(self, view: QTreeView, switch: ThemeSwitch) -> None:
        super().__init__(view)
        self._view = view
        self._switch = switch
        self._measured: tuple[int, QFont] | None = None
        self._step = 0
        self._strong = QFontMetrics(view.font())
        self._one_line = QSize()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Ask for the lines of a heading, one line for a candidate.

        The view asks for every row it has: what is the same for all of them is measured once.
        """
        width = self._view.viewport().width()
        if (width, self._view.font()) != self._measured:
            self._measure(width)
        return self._one_line if is_candidate(index) else self._heading(index, width)

    def _measure(self, width: int) -> None:
        metrics = QFontMetrics(self._view.font())
        self._measured = (width, self._view.font())
        self._step = _grid(metrics)
        self._strong = QFontMetrics(bold(self._view.font()))
        self._one_line = QSize(width, metrics.height() + self._step * 5 // 4)

    def _heading(self, index: Index, width: int) -> QSize:
        row = index.data(ROW_ROLE)
        words = row.query if isinstance(row, QuestionRow) else ""
        text = _wrapped(self._strong, words, width=width - 3 * self._step, most=_HEADING_LINES)
        return QSize(width, text + self._step * 7 // 4)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row."""
        row = index.data(ROW_ROLE)
        painter.save()
        if isinstance(row, QuestionRow):
            self._paint_heading(painter, option.rect, row, folded=not self._view.isExpanded(index))
        elif isinstance(row, CandidateRow):
            self._paint_candidate(painter, option, row)
        painter.restore()

    def _paint_heading(self, painter: QPainter, rect: QRect, row: QuestionRow, *, folded: bool) -> None:
        font = bold(self._view.font())
        metrics = QFontMetrics(font)
        step = _grid(metrics)
        area = rect.adjusted(step * 3 // 2, step, -step * 3 // 2, -step * 3 // 4)
        painter.setFont(font)
        painter.setPen(self._view.palette().color(QPalette.ColorRole.Text))
        text = _elided(metrics, row.query, width=area.width(), lines=_HEADING_LINES)
        painter.drawText(area, int(Qt.TextFlag.TextWordWrap), text)
        if folded and row.rows:
            painter.setPen(self._switch.theme.color("muted"))
            painter.setFont(small(self._view.font()))
            painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, f"{len(row.rows)} ›")

    def _paint_candidate(self, painter: QPainter, option: QStyleOptionViewItem, row: CandidateRow) -> None:
        rect: QRect = option.rect
        theme, palette = self._switch.theme, self._view.palette()
        font = self._view.font()
        metrics = QFontMetrics(font)
        step = _grid(metrics)
        self._paint_ground(painter, option, step=step)
        left = rect.left() + step * 3 // 2
        painter.setFont(bold(font))
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        letters = max(2 * step, QFontMetrics(bold(font)).horizontalAdvance(row.label) + step)
        painter.drawText(QRect(left, rect.top(), letters, rect.height()), Qt.AlignmentFlag.AlignVCenter, row.label)
        left += letters
        number = metrics.horizontalAdvance("10.0")
        painter.setFont(font)
        if row.thin or not row.judged:
            painter.setPen(theme.color("muted"))
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(QRect(left, rect.top(), number, rect.height()), align, row.reward)
        left += number + step
        right = rect.right() - step * 3 // 2
        side = round(metrics.ascent() * 0.78)
        note = QFontMetrics(small(font)).horizontalAdvance(row.note) + (side + step if row.decided else 0)
        signs = glyph_row_width(row.glyphs, side)
        spare = right - left - signs - step
        if spare < note and row.note == row.model:
            note = spare if spare >= _SHORTEST * metrics.averageCharWidth() else 0  # the tooltip has the whole name
        if spare < note:
            signs = max(0, right - left - step - note)
        paint_glyph_row(painter, QRect(left, rect.top(), signs, rect.height()), row.glyphs, theme, side=side)
        left += signs + (step if row.glyphs else 0)
        if note:
            self._paint_note(painter, QRect(left, rect.top(), right - left, rect.height()), row, side=side)

    def _paint_note(self, painter: QPainter, area: QRect, row: CandidateRow, *, side: int) -> None:
        theme = self._switch.theme
        font = small(self._view.font())
        metrics = QFontMetrics(font)
        # models of one family differ at the end of their names
        text = metrics.elidedText(
            row.note,
            Qt.TextElideMode.ElideLeft if row.note == row.model else Qt.TextElideMode.ElideRight,
            max(0, area.width()),
        )
        painter.setFont(font)
        painter.setPen(theme.color("full" if row.decided else "muted"))
        align = Qt.AlignmentFlag.AlignVCenter
        to_the_right = row.decided or row.note == row.model
        painter.drawText(area, align | (Qt.AlignmentFlag.AlignRight if to_the_right else align), text)
        if row.decided:
            at = area.right() - metrics.horizontalAdvance(text) - side - side // 3
            paint_check(painter, QRect(at, area.center().y() - side // 2, side, side).toRectF(), theme.color("full"))

    def _paint_ground(self, painter: QPainter, option: QStyleOptionViewItem, *, step: int) -> None:
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        theme = self._switch.theme
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("selection"))
            width = max(3, step // 3) if self._view.hasFocus() else max(2, step // 4)
            painter.fillRect(QRect(rect.left(), rect.top(), width, rect.height()), theme.color("accent"))
        elif state & QStyle.StateFlag.State_MouseOver:
            ground = theme.color("selection")
            ground.setAlphaF(0.45)
            painter.fillRect(rect, ground)


class PartDelegate(QStyledItemDelegate):
    """The focused row shows its whole text and the judge's reasons; the others two lines."""

    def __init__(self, view: QTreeView, switch: ThemeSwitch) -> None:
        super().__init__(view)
        self._view = view
        self._switch = switch

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Ask for the height that the text takes at the column's width."""
        metrics = QFontMetrics(self._view.font())
        step = _grid(metrics)
        row = index.data(PART_ROLE)
        if index.column() != Column.TEXT or not isinstance(row, PartRow):
            return QSize(0, metrics.height() + step * 2)
        width = self._view.columnWidth(Column.TEXT) - step
        focused = bool(index.data(FOCUS_ROLE))
        height = _wrapped(metrics, row.text, width=width, most=0 if focused else _TEXT_LINES)
        if focused and row.why:
            height += step // 2 + _wrapped(QFontMetrics(small(self._view.font())), row.why, width=width)
        return QSize(width, height + step * 3 // 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one cell."""
        row = index.data(PART_ROLE)
        if not isinstance(row, PartRow):
            return
        rect: QRect = option.rect
        focused = bool(index.data(FOCUS_ROLE))
        painter.save()
        self._paint_ground(painter, rect, index, focused=focused)
        painter.setFont(self._view.font())
        metrics = painter.fontMetrics()
        step = _grid(metrics)
        first_line = QRect(rect.left(), rect.top() + step * 3 // 4, rect.width() - step, metrics.height())
        if index.column() == Column.TEXT:
            self._paint_text(painter, rect.adjusted(0, step * 3 // 4, -step, -step // 2), row, focused=focused)
        elif index.column() in (Column.JUDGE, Column.YOU):
            chip = row.judge if index.column() == Column.JUDGE else row.you
            painter.setFont(small(self._view.font()))
            paint_chip(painter, first_line, chip, self._switch.theme)
        else:
            first_line.setLeft(rect.left() + (step * 3 // 2 if index.column() == Column.NUMBER else 0))
            painter.setPen(self._ink(focused=focused))
            painter.drawText(first_line, Qt.AlignmentFlag.AlignVCenter, str(index.data()))
        painter.restore()

    def _ink(self, *, focused: bool) -> QColor:
        role = QPalette.ColorRole.Text if focused else QPalette.ColorRole.PlaceholderText
        return self._view.palette().color(role)

    def _paint_ground(self, painter: QPainter, rect: QRect, index: Index, *, focused: bool) -> None:
        theme = self._switch.theme
        if focused:
            painter.fillRect(rect, theme.color("selection"))
            if self._view.hasFocus():
                painter.fillRect(QRect(rect.left(), rect.top(), rect.width(), 1), theme.color("accent"))
                painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), theme.color("accent"))
            if index.column() == Column.NUMBER:
                width = max(3, _grid(self._view.fontMetrics()) // 3)
                painter.fillRect(QRect(rect.left(), rect.top(), width, rect.height()), theme.color("accent"))
            return
        if index.data(USES_ROLE):
            painter.fillRect(rect, theme.color("evidence_tint"))
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), theme.color("line"))

    def _paint_text(self, painter: QPainter, area: QRect, row: PartRow, *, focused: bool) -> None:
        metrics = painter.fontMetrics()
        painter.setPen(self._view.palette().color(QPalette.ColorRole.Text))
        text = row.text if focused else _elided(metrics, row.text, width=area.width(), lines=_TEXT_LINES)
        painter.drawText(area, int(Qt.TextFlag.TextWordWrap), text)
        if not focused or not row.why:
            return
        height = _wrapped(metrics, row.text, width=area.width())
        painter.setFont(small(self._view.font()))
        painter.setPen(self._switch.theme.color("muted"))
        below = area.adjusted(0, height + _grid(metrics) // 2, 0, 0)
        painter.drawText(below, int(Qt.TextFlag.TextWordWrap), row.why)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        """Edit the wording in place."""
        editor = QPlainTextEdit(parent)
        editor.setAccessibleName("New wording")
        editor.setAutoFillBackground(True)
        editor.setTabChangesFocus(True)
        quiet(editor)
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Put the wording in, whole and selected."""
        if isinstance(editor, QPlainTextEdit):
            editor.setPlainText(index.data(Qt.ItemDataRole.EditRole))
            editor.selectAll()

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        """Take the wording over, as one line."""
        if isinstance(editor, QPlainTextEdit):
            wording = " ".join(editor.toPlainText().split())
            if wording != " ".join(index.data(Qt.ItemDataRole.EditRole).split()):
                model.setData(index, wording, Qt.ItemDataRole.EditRole)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        """Lay the editor over the text, with room for a line more than it takes."""
        rect: QRect = option.rect
        metrics = editor.fontMetrics()
        wanted = _wrapped(metrics, str(index.data(Qt.ItemDataRole.EditRole)), width=rect.width() - 2 * _grid(metrics))
        height = max(rect.height(), wanted + 2 * metrics.lineSpacing())
        top = max(0, min(rect.top(), self._view.viewport().height() - height))
        editor.setGeometry(rect.left() - 4, top, rect.width(), min(height, self._view.viewport().height()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Commit on Enter, from the keypad, too: a wording is one line, however many it takes to show."""
        if (
            isinstance(watched, QPlainTextEdit)
            and isinstance(event, QKeyEvent)
            and event.type() is QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        ):
            self.commitData.emit(watched)
            self.closeEditor.emit(watched)
            return True
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            event.accept()
            return True
        return super().eventFilter(watched, event)


def _elided(metrics: QFontMetrics, text: str, *, width: int, lines: int) -> str:
    """Cut a text so that it takes at most so many wrapped lines."""
    limit = lines * metrics.lineSpacing()
    flat = " ".join(text.split())
    if metrics.horizontalAdvance(flat) < width:
        return flat
    if _wrapped(metrics, flat, width=width) <= limit:
        return flat
    low, high = 0, len(flat)
    while low < high:
        middle = (low + high + 1) // 2
        if _wrapped(metrics, flat[:middle].rstrip() + "…", width=width) <= limit:
            low = middle
        else:
            high = middle - 1
    return flat[:low].rstrip() + "…"


def chip_column_width(metrics: QFontMetrics, *, decided: bool) -> int:
    """Return the width of a column that the longest chip fits in."""
    widest = Chip(Sign.CONTRADICTED, "contradicted", note="" if decided else ".00", decided=decided)
    return chip_width(metrics, widest) + 2 * _grid(metrics)
