"""What a file dialog says about files, told from their names alone."""

from __future__ import annotations

from PySide6.QtCore import QFileInfo
from PySide6.QtGui import QAbstractFileIconProvider, QIcon
from PySide6.QtWidgets import QApplication, QStyle


class FileKinds(QAbstractFileIconProvider):
    """Kinds and icons of files for a dialog, without a look into any of them.

    Qt's own looks into every file of a folder. To close a file drops all the locks that this process holds on it
    (POSIX), SQLite's included: another process would then take the project for unused and delete its log.
    """

    def icon(self, what: QFileInfo | QAbstractFileIconProvider.IconType) -> QIcon:
        """Return the style's icon of a folder or of a file."""
        folder = what.isDir() if isinstance(what, QFileInfo) else what is not QAbstractFileIconProvider.IconType.File
        style = QStyle.StandardPixmap
        return QApplication.style().standardIcon(style.SP_DirIcon if folder else style.SP_FileIcon)

    def type(self, info: QFileInfo) -> str:
        """Return the suffix of the name."""
        return "Folder" if info.isDir() else info.suffix()
