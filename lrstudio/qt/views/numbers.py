"""Fields for numbers with a point."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox


class Decimal(QDoubleSpinBox):
    """A number with two digits behind the point; the wheel scrolls the form, not the number."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the form."""
        event.ignore()


def decimal(*, name: str, least: float, most: float, none: str = "", step: float = 0.1) -> QDoubleSpinBox:
    """Return a field for a number with a point; `none` is shown for the least."""
    field = Decimal()
    field.setRange(least, most)
    field.setDecimals(2)
    field.setSingleStep(step)
    field.setSpecialValueText(none)
    field.setAccessibleName(name)
    field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return field
