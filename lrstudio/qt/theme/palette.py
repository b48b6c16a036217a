"""The look of the chrome: Fusion, and a palette made of a theme's tokens."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from lrstudio.qt.theme.tokens import Theme, blend, load_theme

_ROLES = {
    QPalette.ColorRole.Window: "window",
    QPalette.ColorRole.WindowText: "text",
    QPalette.ColorRole.Base: "panel",
    QPalette.ColorRole.AlternateBase: "window",
    QPalette.ColorRole.Text: "text",
    QPalette.ColorRole.PlaceholderText: "muted",
    QPalette.ColorRole.Button: "panel",
    QPalette.ColorRole.ButtonText: "text",
    QPalette.ColorRole.BrightText: "contradicted",
    QPalette.ColorRole.ToolTipBase: "panel",
    QPalette.ColorRole.ToolTipText: "text",
    QPalette.ColorRole.Highlight: "selection",
    QPalette.ColorRole.HighlightedText: "text",
    QPalette.ColorRole.Accent: "accent",
    QPalette.ColorRole.Link: "accent",
    QPalette.ColorRole.LinkVisited: "not_found",
    QPalette.ColorRole.Light: "panel",
    QPalette.ColorRole.Midlight: "window",
    QPalette.ColorRole.Mid: "line",
    QPalette.ColorRole.Dark: "line",
}
_FADING = (
    QPalette.ColorRole.WindowText,
    QPalette.ColorRole.Text,
    QPalette.ColorRole.ButtonText,
    QPalette.ColorRole.HighlightedText,
)


def faded(theme: Theme) -> QColor:
    """Return the colour of texts and icons that are disabled."""
    return blend(theme.color("muted"), theme.color("window"), share=0.7)


def palette_of(theme: Theme) -> QPalette:
    """Make the palette of a theme; what is disabled fades towards the ground."""
    palette = QPalette()
    for role, token in _ROLES.items():
        palette.setColor(role, theme.color(token))
    shadow = theme.color("window" if theme.dark else "muted")
    palette.setColor(QPalette.ColorRole.Shadow, shadow)
    for role in _FADING:
        palette.setColor(QPalette.ColorGroup.Disabled, role, faded(theme))
    palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Accent, theme.color("line"))
    return palette


def apply(app: QApplication, theme: Theme) -> None:
    """Dress the whole application, title bars of the platform included."""
    if app.style().name() != "fusion":
        app.setStyle("Fusion")
    app.styleHints().setColorScheme(Qt.ColorScheme.Dark if theme.dark else Qt.ColorScheme.Light)
    palette = palette_of(theme)
    app.setPalette(palette)
    # The tint of a selected row is too pale for letters in a text and for a bar that is to be seen.
    for widget, token in (
        ("QPlainTextEdit", "text_selection"),
        ("QLineEdit", "text_selection"),
        ("QProgressBar", "accent"),
    ):
        palette.setColor(QPalette.ColorRole.Highlight, theme.color(token))
        app.setPalette(palette, widget)  # type: ignore[arg-type]  # the stub says bytes, the call takes str
    _outline(app, theme)


def _outline(app: QApplication, theme: Theme) -> None:
    """Make boxes and fields visible on a dark ground.

    Fusion draws their outline darker than the window's colour, which they do not paint themselves.
    """
    for widget in ("QCheckBox", "QRadioButton", "QAbstractSpinBox", "QComboBox", "QLineEdit"):
        palette = app.palette(widget)  # type: ignore[call-overload]
        palette.setColor(QPalette.ColorRole.Window, theme.color("muted" if theme.dark else "window"))
        app.setPalette(palette, widget)  # type: ignore[arg-type]


class ThemeSwitch(QObject):
    """The theme in use. Views are handed the switch, paint with `theme`, and repaint on `changed`."""

    changed = Signal()

    def __init__(self, app: QApplication, *, name: str = "light") -> None:
        """Apply the theme of that name."""
        super().__init__(app)
        self._app = app
        self.theme = load_theme(name)
        apply(app, self.theme)

    def use(self, name: str) -> None:
        """Change to another theme that ships with the studio."""
        if name == self.theme.name:
            return
        self.theme = load_theme(name)
        apply(self._app, self.theme)
        self.changed.emit()
