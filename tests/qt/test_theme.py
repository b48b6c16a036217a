"""Themes: readable in both, complete, applied to the whole application, icons included."""

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QColor, QIcon, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QRadioButton,
    QSpinBox,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from lrstudio.domain.errors import Environment, Refused
from lrstudio.qt.theme.icons import Icons
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.theme.tokens import DATA, THEMES, TOKENS, Theme, blend, contrast, load_theme, read_theme
from lrstudio.text.resources import resource

GROUNDS = ("window", "panel", "selection", "text_selection", *(f"{name}_tint" for name in DATA))


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest) -> Theme:
    return load_theme(request.param)


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000", "#fff", 21.0), ("#777", "#fff", 4.48), ("#a1b", "#a1b", 1)]
)
def test_contrast_is_that_of_the_published_examples(one: str, other: str, ratio: float) -> None:
    assert contrast(QColor(one), QColor(other)) == pytest.approx(ratio, abs=0.01)
    assert contrast(QColor(other), QColor(one)) == contrast(QColor(one), QColor(other))


@pytest.mark.parametrize("ground", GROUNDS)
def test_text_reads_on_every_ground(theme: Theme, ground: str) -> None:
    assert contrast(theme.color("text"), theme.color(ground)) >= 4.5


@pytest.mark.parametrize("name", DATA)
def test_a_verdict_reads_on_its_tint_and_where_lists_and_pages_show_it(theme: Theme, name: str) -> None:
    grounds = [f"{name}_tint", "window", "panel", "selection"]
    if name.startswith("found"):
        grounds = [f"{name}_tint", "panel"]
    for ground in grounds:
        assert contrast(theme.color(name), theme.color(ground)) >= 4.5, ground


@pytest.mark.parametrize("name", [name for name in DATA if name not in ("found", "found_current", "evidence")])
def test_underlines_and_ticks_can_be_seen(theme: Theme, name: str) -> None:
    assert contrast(theme.color(f"{name}_mark"), theme.color("panel")) >= 3


def test_the_chrome_reads(theme: Theme) -> None:
    for ink, ground in (
        ("muted", "window"),
        ("muted", "panel"),
        ("muted", "selection"),
        ("accent", "window"),
        ("accent", "panel"),
        ("on_accent", "accent"),
    ):
        assert contrast(theme.color(ink), theme.color(ground)) >= 4.5, (ink, ground)


def test_the_veil_over_unchecked_text_leaves_it_readable(theme: Theme) -> None:
    panel = theme.color("panel")
    assert contrast(blend(theme.color("text"), panel, share=0.65), panel) >= 4.5


def test_supports_are_told_apart_in_every_theme(theme: Theme) -> None:
    marks = [theme.tokens[f"{name}_mark"] for name in ("full", "partial", "contradicted", "not_found")]
    assert len(set(marks)) == 4


def test_all_themes_speak_of_the_same_things() -> None:
    for name in THEMES:
        loaded = load_theme(name)
        assert set(loaded.tokens) == set(TOKENS)
        assert loaded.name == name
    assert load_theme("dark").dark
    assert not load_theme("light").dark


def test_an_unknown_token_is_a_bug(theme: Theme) -> None:
    with pytest.raises(KeyError):
        theme.color("ful")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("tokens = [", "this is not a theme"),
        ("name = 'mine'", r"needs a \[tokens\] table"),
        ("[tokens]\nwindow = '#fff'", "lacks panel, line"),
        ("[tokens]\n" + "\n".join(f"{token} = 'soup'" for token in TOKENS), "window is no colour: 'soup'"),
    ],
)
def test_a_bad_theme_file_is_refused_in_words(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(Refused, match=f"mine.toml: .*{words}"):
        read_theme(path)


def test_the_application_wears_the_theme(qapp: QApplication, qtbot: QtBot, switch: ThemeSwitch) -> None:
    page, bar = QPlainTextEdit(), QProgressBar()
    qtbot.addWidget(page)
    qtbot.addWidget(bar)
    for name in ("dark", "light"):
        with qtbot.waitSignal(switch.changed):
            switch.use(name)
        theme = load_theme(name)
        assert switch.theme == theme
        assert qapp.style().name() == "fusion"
        assert qapp.palette().color(QPalette.ColorRole.Window) == theme.color("window")
        assert qapp.palette().color(QPalette.ColorRole.Highlight) == theme.color("selection")
        # Widgets hear of it from the event loop.
        qapp.processEvents()
        assert page.palette().color(QPalette.ColorRole.Base) == theme.color("panel")
        assert page.palette().color(QPalette.ColorRole.Highlight) == theme.color("text_selection")
        assert bar.palette().color(QPalette.ColorRole.Highlight) == theme.color("accent")


@pytest.mark.parametrize("kind", [QCheckBox, QRadioButton, QComboBox, QSpinBox, QLineEdit])
def test_the_outline_of_a_field_is_seen_on_a_dark_ground(
    kind: type[QWidget], qtbot: QtBot, switch: ThemeSwitch
) -> None:
    switch.use("dark")
    field = kind()
    qtbot.addWidget(field)
    field.ensurePolished()  # a widget wears the palette of its class from then on
    drawn = field.palette().window().color().darker(140)  # what Fusion outlines with
    assert contrast(drawn, switch.theme.color("panel")) >= 2.5


def test_the_theme_in_use_is_not_applied_again(qtbot: QtBot, switch: ThemeSwitch) -> None:
    with qtbot.assertNotEmitted(switch.changed):
        switch.use("light")


ICONS = sorted(path.stem for path in resource("icons").glob("*.svg"))


def test_the_icons_of_the_window_are_there() -> None:
    asked = (
        "open import judge cancel find blind theme undo redo add split merge edit mark note settings help previous "
        "next filter key document question"
    )
    assert set(asked.split()) <= set(ICONS)


@pytest.mark.parametrize("name", ICONS)
def test_an_icon_is_one_drawing_in_one_colour(name: str, icons: Icons, switch: ThemeSwitch) -> None:
    source = resource("icons", f"{name}.svg").read_text(encoding="utf-8")
    assert 'viewBox="0 0 24 24"' in source
    assert "#" not in source
    image = icons.icon(name).pixmap(QSize(48, 48)).toImage()
    drawn = [image.pixelColor(x, y) for x in range(48) for y in range(48)]
    solid = {color.name() for color in drawn if color.alpha() == 255}
    assert solid == {switch.theme.tokens["text"]}
    assert 0.02 < sum(color.alpha() > 0 for color in drawn) / len(drawn) < 0.6


def test_an_unknown_icon_is_missed_by_name(icons: Icons) -> None:
    with pytest.raises(Environment, match="spaceship"):
        icons.icon("spaceship")


def ink(icon: QIcon, mode: QIcon.Mode = QIcon.Mode.Normal) -> str:
    image = icon.pixmap(QSize(24, 24), mode).toImage()
    colors = [image.pixelColor(x, y) for x in range(24) for y in range(24)]
    return max((color for color in colors), key=lambda color: color.alpha()).name()


def test_a_dressed_button_changes_with_the_theme(qtbot: QtBot, icons: Icons, switch: ThemeSwitch) -> None:
    button = QToolButton()
    qtbot.addWidget(button)
    icons.dress(button, "find")
    light = ink(button.icon())
    switch.use("dark")
    assert light == load_theme("light").tokens["text"]
    assert ink(button.icon()) == load_theme("dark").tokens["text"]
    assert ink(button.icon(), QIcon.Mode.Disabled) != ink(button.icon())


def test_a_destroyed_button_is_forgotten(qtbot: QtBot, icons: Icons, switch: ThemeSwitch) -> None:
    button = QToolButton()
    icons.dress(button, "find")
    button.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    with qtbot.captureExceptions() as raised:
        switch.use("dark")
    assert not raised


def test_an_icon_can_wear_another_token(icons: Icons, switch: ThemeSwitch) -> None:
    assert ink(icons.icon("judge", token="on_accent")) == switch.theme.tokens["on_accent"]
