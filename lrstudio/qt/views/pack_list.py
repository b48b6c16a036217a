"""The prompt packs and their versions, as a list of two levels."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QTreeWidget, QTreeWidgetItem, QWidget

from lrstudio.qt.views.chrome import bold
from lrstudio.qt.views.scroll import quiet
from lrstudio.services.pack_versions import PackVersion
from lrstudio.services.packs import PackInfo
from lrstudio.viewstate.packs import origin_words, version_words

_WHAT = Qt.ItemDataRole.UserRole


class PackList(QTreeWidget):
    """The list.

    Signals:
        chosen: a pack's name and a version's digits, "" for the current one.
    """

    chosen = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setHeaderHidden(True)
        self.setFrameShape(QTreeWidget.Shape.NoFrame)
        self.setUniformRowHeights(True)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAccessibleName("Prompt packs and versions")
        quiet(self)
        self.currentItemChanged.connect(lambda now, _before: self._tell(now))

    def fill(self, packs: Sequence[tuple[PackInfo, Sequence[PackVersion]]], *, name: str, digits: str = "") -> None:
        """Show packs with their versions, and choose one; what is chosen is told where it is another one."""
        before = self.what()
        self.blockSignals(True)
        self.clear()
        wanted: QTreeWidgetItem | None = None
        for info, history in packs:
            top = self._item([info.name if info.version else f"✕ {info.name}"], info.name, "")
            top.setFont(0, bold(self.font()))
            top.setToolTip(0, f"{info.folder}\n{origin_words(info.origin.value)}")
            self.addTopLevelItem(top)
            wanted = top if info.name == name and not digits else wanted
            for it in history:
                words = version_words(it.digits, time=it.time, note=it.note, current=it.current)
                child = self._item([words], info.name, "" if it.current else it.digits)
                child.setToolTip(0, f"{it.version}\n{it.note}".strip())
                top.addChild(child)
                wanted = child if info.name == name and digits and it.digits == digits and not it.current else wanted
            top.setExpanded(True)
        chosen = wanted or self.topLevelItem(0)
        if chosen is not None:
            self.setCurrentItem(chosen)
        self.blockSignals(False)
        if self.what() != before or before == ("", ""):
            self._tell(self.currentItem())

    def what(self) -> tuple[str, str]:
        """Return the name and the digits that are chosen, "" where there is none."""
        item = self.currentItem()
        return (item.data(0, _WHAT)[0], item.data(0, _WHAT)[1]) if item else ("", "")

    def _item(self, words: list[str], name: str, digits: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem(words)
        item.setData(0, _WHAT, (name, digits))
        return item

    def _tell(self, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(*self.what())
