"""Icons in one colour: `resources/icons/NAME.svg`, whose `currentColor` becomes a token of the theme in use."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QObject, Qt, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton

from lrstudio.qt.theme.palette import ThemeSwitch, faded
from lrstudio.text.resources import resource

# Qt takes the next larger pixmap: 16 to 24 px on screens of one to two device pixels per pixel.
_SIZES = (16, 20, 24, 32, 48)


class Icons(QObject):
    """Draws the icons and keeps those of actions and buttons in the colours of the theme in use."""

    changed = Signal()

    def __init__(self, switch: ThemeSwitch) -> None:
        """Follow the switch."""
        super().__init__(switch)
        self._switch = switch
        self._made: dict[tuple[str, str], QIcon] = {}
        switch.changed.connect(self._recolour)

    def icon(self, name: str, *, token: str = "text") -> QIcon:
        """Return an icon as the theme in use draws it; `dress` is for what stays on screen.

        Raises:
            Environment: there is no icon of that name.
        """
        if (name, token) not in self._made:
            source = resource("icons", f"{name}.svg").read_text(encoding="utf-8")
            theme = self._switch.theme
            icon = QIcon()
            _add(icon, source, theme.color(token), QIcon.Mode.Normal)
            _add(icon, source, faded(theme), QIcon.Mode.Disabled)
            self._made[name, token] = icon
        return self._made[name, token]

    def dress(self, target: QAction | QAbstractButton, name: str, *, token: str = "text") -> None:
        """Give an action or a button its icon, now and whenever the theme changes."""
        _Dressed(target, icons=self, name=name, token=token)

    def _recolour(self) -> None:
        self._made.clear()
        self.changed.emit()


class _Dressed(QObject):
    """Sets the icon of its parent, and dies with it."""

    def __init__(self, target: QAction | QAbstractButton, *, icons: Icons, name: str, token: str) -> None:
        super().__init__(target)
        self._target = target
        self._icons = icons
        self._name = name
        self._token = token
        icons.changed.connect(self._set)
        self._set()

    def _set(self) -> None:
        self._target.setIcon(self._icons.icon(self._name, token=self._token))


def _add(icon: QIcon, source: str, color: QColor, mode: QIcon.Mode) -> None:
    renderer = QSvgRenderer(QByteArray(source.replace("currentColor", color.name()).encode()))
    for size in _SIZES:
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter)
        painter.end()
        icon.addPixmap(pixmap, mode)
