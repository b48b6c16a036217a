"""The span map's own tests must notice a wrong map: each of them is handed one here and has to turn red."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from PySide6.QtGui import QGuiApplication

from lrstudio.domain.text import Span
from lrstudio.viewstate.display_text import DisplayText, SpanMap


def _load(name: str) -> ModuleType:
    path = Path(__file__).parents[1] / "viewstate" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"{name}_under_mutation", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


properties = _load("test_display_text")


class Wrong(SpanMap):
    """A map that is right but for what a mutant changes."""

    def __init__(self, display: DisplayText) -> None:
        right = display.map
        super().__init__(display.shown, breaks=right._breaks, points=right._points or (0,), units=right._units or (0,))


class Identity(Wrong):
    def to_display(self, span: Span) -> tuple[int, int]:
        return span.start, span.end

    def to_domain(self, start: int, end: int) -> Span:
        return Span(start, end)


class Shifted(Wrong):
    def to_display(self, span: Span) -> tuple[int, int]:
        start, end = super().to_display(span)
        return min(start + 1, self.units), min(end + 1, self.units)

    def to_domain(self, start: int, end: int) -> Span:
        return super().to_domain(max(0, start - 1), max(0, end - 1))


class ShiftedBack(Wrong):
    def to_display(self, span: Span) -> tuple[int, int]:
        start, end = super().to_display(span)
        return max(0, start - 1), max(0, end - 1)

    def to_domain(self, start: int, end: int) -> Span:
        return super().to_domain(min(start + 1, self.units), min(end + 1, self.units))


class BlindToAstral(Wrong):
    def _units_at(self, point: int) -> int:
        return point

    def _point_at(self, unit: int, *, up: bool) -> int:
        return unit


class BlindToBreaks(Wrong):
    def __init__(self, display: DisplayText) -> None:
        SpanMap.__init__(self, display.shown)
        self.length = len(display.text)


class OneWay(Wrong):
    """Right on the way out, off by one on the way back."""

    def to_domain(self, start: int, end: int) -> Span:
        return super().to_domain(start, max(start, end - 1))


SLICE = properties.check_selection_is_the_slice
SELECTED = properties.check_what_is_selected_comes_back
ROUND = properties.check_round_trip


@pytest.mark.parametrize(
    ("mutant", "check"),
    [
        (mutant, check)
        for mutant in (Identity, Shifted, ShiftedBack, BlindToAstral, BlindToBreaks)
        for check in (SLICE, SELECTED)
    ]
    + [(OneWay, SELECTED), (OneWay, ROUND), (Shifted, ROUND)],
    ids=lambda value: value.__name__,
)
def test_a_wrong_map_turns_the_property_red(
    qapp: QGuiApplication, mutant: type[Wrong], check: Callable[..., None]
) -> None:
    @settings(
        database=None,
        deadline=None,
        derandomize=True,
        max_examples=300,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(properties.cases())
    def property_under_mutation(case: tuple[str, Span]) -> None:
        check(*case, map_of=mutant)

    with pytest.raises(AssertionError):
        property_under_mutation()


@pytest.mark.parametrize("check", properties.CHECKS, ids=lambda check: check.__name__)
def test_the_right_map_in_the_same_harness_stays_green(qapp: QGuiApplication, check: Callable[..., None]) -> None:
    @settings(database=None, deadline=None, derandomize=True, max_examples=100, phases=[Phase.generate])
    @given(properties.cases())
    def property_unharmed(case: tuple[str, Span]) -> None:
        check(*case, map_of=Wrong)

    property_unharmed()
