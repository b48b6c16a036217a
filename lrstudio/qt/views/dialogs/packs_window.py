"""The window over prompt packs: packs and versions on the left, templates, differences and trials on the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QTabBar, QTabWidget, QVBoxLayout, QWidget

from lrstudio.judge.packs import Problem as PackProblem
from lrstudio.judge.packs import find_problems
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, Line, Splitter, Words, unit
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.pack_diff import DiffPage
from lrstudio.qt.views.pack_editor import TemplateEditor
from lrstudio.qt.views.pack_list import PackList
from lrstudio.qt.views.pack_trial_page import TrialPage
from lrstudio.services.packs import PackInfo, TemplateText, diff_of
from lrstudio.viewstate.packs import diff_lines, origin_words, tab_words

EDIT, COMPARE, TRY = range(3)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on screen: a pack, a version of it ("" for the current one), its templates, and who used it."""

    info: PackInfo
    version: str
    templates: tuple[TemplateText, ...]
    use: str

    @property
    def editable(self) -> bool:
        """Whether its templates may be changed: only the current version of a pack that is not ours."""
        return self.info.editable and not self.version


@dataclass(frozen=True, slots=True)
class CopyWanted:
    """What to copy, and how to call it."""

    name: str
    beside_project: bool


class PacksWindow(Dialog):
    """The window. What a person typed and did not save stays while it is open, pack by pack.

    Signals:
        copy_wanted: a `CopyWanted`, of what is shown.
        save_wanted: edited texts by file, and a note.
        restore_wanted: the version that is shown is to be the current one again.
        folder_wanted: a folder is to be looked at.
        page_shown: one of `EDIT`, `COMPARE`, `TRY`.
    """

    copy_wanted = Signal(object)
    save_wanted = Signal(object, str)
    restore_wanted = Signal()
    folder_wanted = Signal()
    page_shown = Signal(int)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Prompt packs", parent, size=(136, 92))
        self.shown: Shown | None = None
        self._drafts: dict[str, dict[str, str]] = {}
        self._against: Mapping[object, str] = {}
        self._closing = False
        self.packs = PackList()
        self.title = Words("", strong=True)
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.files = QTabBar()
        self.files.setDrawBase(False)
        self.files.setExpanding(False)
        self.files.setUsesScrollButtons(True)
        self.files.setAccessibleName("Templates")
        self.editor = TemplateEditor(switch)
        self.note = Field(name="What was changed", placeholder="what was changed, for the list of versions")
        self.save = Button("Save as a new version", kind=Kind.PRIMARY)
        self.revert = Button("Drop the changes")
        self.restore = Button("Go back to this version")
        self.diff = DiffPage(switch)
        self.trial = TrialPage(switch)
        self.copy = Button("Copy")
        self.copy_name = Field(name="Name of the copy", placeholder="name of the copy")
        self.beside = QCheckBox("Beside the project")
        self.open_folder = Button("Open a folder…")
        self.problem = Problem(switch.theme.tokens["contradicted"])
        self.pages = QTabWidget()
        self._lay_out()
        self._connect()

    # What is shown

    def show_pack(self, shown: Shown) -> None:
        """Show a pack or a version; a draft of it comes up as it was left."""
        same = self.shown is not None and self.shown.info.folder == shown.info.folder
        at = self.files.currentIndex() if same else 0
        self.shown = shown
        info = shown.info
        self.title.setText(f"{info.name}@{shown.version}" if shown.version else info.version or info.name)
        where = origin_words(info.origin.value)
        earlier = " An earlier version: to read and to go back to." if shown.version else ""
        self.about.setText(info.trouble or f"{where[0].upper()}{where[1:]}. {shown.use}{earlier}")
        self.files.blockSignals(True)
        while self.files.count():
            self.files.removeTab(0)
        for _ in shown.templates:
            self.files.addTab("")
        self.files.setCurrentIndex(min(max(at, 0), len(shown.templates) - 1))
        self.files.blockSignals(False)
        self.note.setVisible(shown.editable)
        self.save.setVisible(shown.editable)
        self.revert.setVisible(shown.editable)
        self.restore.setVisible(info.editable and bool(shown.version))
        self.problem.say("")
        self._show_file()

    def show_against(self, templates: Sequence[TemplateText]) -> None:
        """Compare what is shown with these templates."""
        self._against = {(it.template.call, it.template.chinese): it.text for it in templates}
        self._show_diff()

    def refuse(self, sentence: str) -> None:
        """Say what has to be mended."""
        self.problem.say(sentence)

    def forget_draft(self, info: PackInfo) -> None:
        """Forget what was typed into a pack: it is saved, or not wanted."""
        self._drafts.pop(str(info.folder), None)
        self.note.clear()

    @property
    def edits(self) -> dict[str, str]:
        """What was typed into the pack on screen and is not saved, by file."""
        return dict(self._draft) if self.shown else {}

    @property
    def unsaved(self) -> bool:
        """Whether anything was typed into any pack and is not saved."""
        return any(self._drafts.values())

    def text_of(self, template: TemplateText) -> str:
        """Return the text of a template as it stands on screen."""
        shown = self.shown
        return self._draft.get(template.file, template.text) if shown and shown.editable else template.text

    # Its own doings

    @property
    def _draft(self) -> dict[str, str]:
        assert self.shown is not None
        return self._drafts.setdefault(str(self.shown.info.folder), {})

    @property
    def _template(self) -> TemplateText | None:
        at = self.files.currentIndex()
        return self.shown.templates[at] if self.shown and 0 <= at < len(self.shown.templates) else None

    def _show_file(self) -> None:
        template, shown = self._template, self.shown
        if template is None or shown is None:
            self.editor.show_template("", needed=frozenset(), editable=False)
            return
        self.editor.show_template(self.text_of(template), needed=template.template.needed, editable=shown.editable)
        self._show_state()

    def _edited(self) -> None:
        template, shown = self._template, self.shown
        if template is None or shown is None or not shown.editable:
            return
        text = self.editor.text
        if text == template.text:
            self._draft.pop(template.file, None)
        else:
            self._draft[template.file] = text
        self._closing = False
        self.problem.say("")
        self._show_state()

    def _show_state(self) -> None:
        """Bring tabs, problems and buttons up to date with what was typed."""
        shown, current = self.shown, self._template
        if shown is None:
            return
        blocked = False
        for at, it in enumerate(shown.templates):
            problems = find_problems(it.template, self.text_of(it))
            worst = [each for each in problems if each.blocks]
            blocked = blocked or bool(worst)
            edited = shown.editable and it.file in self._draft
            words = tab_words(it.template.call.value, chinese=it.template.chinese, edited=edited, problems=len(worst))
            self.files.setTabText(at, words)
            self.files.setTabToolTip(at, it.file)
            if it is current:
                self._show_problems(problems)
        changed = shown.editable and bool(self._draft)
        self.save.setEnabled(changed and not blocked)
        self.revert.setEnabled(changed)
        self._show_diff()

    def _show_problems(self, problems: Sequence[PackProblem]) -> None:
        self.editor.show_problems(problems)

    def _show_diff(self) -> None:
        if self.shown is None or self.pages.currentIndex() != COMPARE:
            return
        made = []
        for it in self.shown.templates:
            before = self._against.get((it.template.call, it.template.chinese))
            if before is not None:
                made.append((it.file, diff_of(it.file, before, self.text_of(it)).lines))
        self.diff.show_lines(diff_lines(made))

    def _save(self) -> None:
        if self.save.isEnabled() and self.save.isVisible():
            self.save_wanted.emit(self.edits, self.note.text().strip())

    def _drop(self) -> None:
        if self.shown is not None:
            self.forget_draft(self.shown.info)
            self._show_file()

    def _copy(self) -> None:
        name = self.copy_name.text().strip()
        if self.shown is None:
            return
        if not name:
            self.problem.say("Type a name for the copy first.")
            self.copy_name.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        self.copy_wanted.emit(CopyWanted(name, self.beside.isChecked()))

    def _go_to_page(self, page: int) -> None:
        """Show a page and bring the keyboard along: what had it is not on screen any more."""
        self.pages.setCurrentIndex(page)
        (self.editor.page, self.diff.page, self.trial.before)[page].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _page_changed(self, page: int) -> None:
        self._show_diff()
        self.page_shown.emit(page)

    def reject(self) -> None:
        """Close, asking once before what was typed is lost; Qt comes here however the window is closed."""
        if self.unsaved and not self._closing:
            self._closing = True
            self.problem.say("There are changes that are not saved. Save them, or close once more to drop them.")
            return
        super().reject()

    def _connect(self) -> None:
        self.files.currentChanged.connect(lambda _at: self._show_file())
        self.editor.edited.connect(self._edited)
        self.save.clicked.connect(self._save)
        self.revert.clicked.connect(self._drop)
        self.restore.clicked.connect(self.restore_wanted)
        self.copy.clicked.connect(self._copy)
        self.copy_name.returnPressed.connect(self._copy)
        self.open_folder.clicked.connect(self.folder_wanted)
        self.pages.currentChanged.connect(self._page_changed)
        QShortcut(QKeySequence("Ctrl+S"), self, self._save)
        for at in (EDIT, COMPARE, TRY):
            QShortcut(QKeySequence(f"Alt+{at + 1}"), self, lambda page=at: self._go_to_page(page))

    def _lay_out(self) -> None:
        step = unit(self)
        left = QWidget()
        side = QVBoxLayout(left)
        side.setContentsMargins(0, 0, step, 0)
        side.setSpacing(step)
        side.addWidget(self.packs, 1)
        copying = QHBoxLayout()
        copying.setSpacing(step)
        copying.addWidget(self.copy_name, 1)
        copying.addWidget(self.copy)
        side.addLayout(copying)
        side.addWidget(self.beside)
        side.addWidget(self.open_folder)
        right = QWidget()
        main = QVBoxLayout(right)
        main.setContentsMargins(2 * step, 0, 0, 0)
        main.setSpacing(step)
        main.addWidget(self.title)
        main.addWidget(self.about)
        main.addWidget(self.problem)
        self.pages.setDocumentMode(True)
        for page, name in ((self._edit_page(step), "Templates"), (self.diff, "Compare"), (self.trial, "Try")):
            self.pages.addTab(page, name)
        main.addWidget(self.pages, 1)
        split = Splitter(Qt.Orientation.Horizontal, name="packs")
        split.addWidget(left)
        split.addWidget(right)
        split.setStretchFactor(1, 1)
        split.setSizes([42 * step, 94 * step])
        self.column.addWidget(split, 1)

    def _edit_page(self, step: int) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, step, 0, 0)
        column.setSpacing(step)
        column.addWidget(self.files)
        column.addWidget(Line())
        column.addWidget(self.editor, 1)
        row = QHBoxLayout()
        row.setSpacing(step)
        row.addWidget(self.note, 1)
        row.addWidget(self.revert)
        row.addWidget(self.save)
        row.addWidget(self.restore)
        column.addLayout(row)
        return page
