"""Tags, bookmarks and notes on what is in focus, the guideline, the audit page, and where a person stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QWidget

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.domain.marks import Guideline, Mark, MarkKind, Place, Thing
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.audit_controller import AuditController
from lrstudio.qt.views.chrome import Words, unit
from lrstudio.qt.views.desk import Desk, bring_up
from lrstudio.qt.views.project_desk import Notice
from lrstudio.viewstate.mark_words import (
    Markable,
    Where,
    markables,
    marked_ids,
    marks_line,
    notes_text,
    standing_mark,
)

if TYPE_CHECKING:
    from lrstudio.qt.views.dialogs.guideline_dialog import GuidelineDialog
    from lrstudio.qt.views.dialogs.mark_dialog import MarkDialog

_PAGES = "Web page (*.html);;PDF (*.pdf)"


class MarkDesk(Desk):
    """Marks of one project."""

    def __init__(self, window: QWidget, operations: Operations, switch: ThemeSwitch) -> None:
        super().__init__(window, operations, switch)
        self._audit: AuditController | None = None
        self._line: Words | None = None
        self._line_bar = QWidget()
        self._marks: tuple[Mark, ...] = ()
        self._shown = ""
        self._dialog: MarkDialog | None = None
        self._guideline: GuidelineDialog | None = None

    def _let_go(self) -> None:
        self._marks, self._shown = (), ""
        for dialog in (self._dialog, self._guideline):
            if dialog is not None:
                dialog.close()

    def follow(self, audit: AuditController) -> None:
        """Show the marks of what is on screen there."""
        self._audit = audit
        audit.facts_changed.connect(lambda _facts: self._follow())

    def command_table(self) -> dict[str, Callable[[], object]]:
        """Return the commands that are carried out here."""
        return {
            "mark.bookmark": self._bookmark,
            "mark.tag": lambda: self._ask(MarkKind.TAG),
            "mark.note": lambda: self._ask(MarkKind.NOTE),
            "guideline.show": self._show_guideline,
            "page.save": self._choose_page,
        }

    # Marks

    def _things(self) -> tuple[Markable, ...]:
        audit = self._audit
        if audit is None or audit.detail is None:
            return ()
        panes, focus = audit.view.panes, QApplication.focusWidget()
        where, span = Where.LIST, None
        if focus is not None and panes.isAncestorOf(focus):
            where = Where.PARTS
            for pane, name in ((panes.document, Where.DOCUMENT), (panes.candidate, Where.CANDIDATE)):
                if pane.isAncestorOf(focus):
                    where, span = name, pane.text.selected_words()
        return markables(audit.detail, audit.focus, where=where, span=span)

    def _bookmark(self) -> None:
        """Bookmark what is in focus, or take the bookmark away."""
        project, things = self._project, self._things()
        if project is None or not things:
            return
        place = things[0].place
        standing = standing_mark(self._marks, place)
        if standing is None:
            self._operations.run(lambda: project.marking.bookmark([place]), initiator=self)
        else:
            self._operations.run(lambda: project.marking.remove(standing.mark_id), initiator=self)

    def _ask(self, kind: MarkKind) -> None:
        from lrstudio.qt.views.dialogs.mark_dialog import MarkDialog

        project, things = self._project, self._things()
        if project is None or not things:
            return
        if self._dialog is not None:
            self._dialog.close()
        dialog = self._dialog = MarkDialog(kind, things, self._switch, self._window)
        dialog.written.connect(lambda place, text: self._write(dialog, place, text))
        dialog.destroyed.connect(lambda: self._forget(dialog))
        dialog.show()
        dialog.activateWindow()
        if kind is MarkKind.TAG:
            offer: Callable[[dict[str, int]], None] = lambda tags: (  # noqa: E731
                dialog.offer(list(tags)) if self._dialog is dialog else None
            )
            self._operations.query(project.marking.tags, offer, slot="tags")

    def _write(self, dialog: MarkDialog, place: Place, text: str) -> None:
        project = self._project
        if project is None:
            return

        def work() -> Changes:
            marking = project.marking
            return marking.tag([place], text) if dialog.kind is MarkKind.TAG else marking.note([place], text)

        def failed(error: BaseException) -> None:
            if isinstance(error, Refused) and self._dialog is dialog:
                dialog.problem.say(str(error))
            else:
                self._operations.announce(error, again=lambda: self._write(dialog, place, text))

        def done(_changes: Changes) -> None:
            if self._dialog is dialog:
                dialog.close()

        self._operations.run(work, initiator=self, then=done, failed=failed)

    def _forget(self, dialog: MarkDialog) -> None:
        if self._dialog is dialog:
            self._dialog = None

    def _follow(self) -> None:
        detail = self._audit.detail if self._audit is not None else None
        here = detail.candidate.candidate_id if detail is not None else ""
        if here != self._shown:
            self._shown = here
            self._marks = ()
            self._read()
        self._show()

    def _read(self) -> None:
        project, audit = self._project, self._audit
        detail = audit.detail if audit is not None else None
        if project is None or detail is None:
            return
        ids = marked_ids(detail)
        self._operations.query(lambda: project.marking.marks(item_ids=ids), self._there, slot="marks")

    def _there(self, marks: tuple[Mark, ...]) -> None:
        self._marks = marks
        self._show()

    def _show(self) -> None:
        """Show the marks above the candidate."""
        audit = self._audit
        if audit is None:
            return
        line = marks_line(self._marks, audit.focus)
        if self._line is None:
            if not line:
                return
            self._line = Words(quiet=True)
            self._line.setAccessibleName("Marks")
            bar = self._line_bar
            step = unit(self._line)
            across = QHBoxLayout(bar)
            across.setContentsMargins(2 * step, step // 2, 2 * step, 0)
            across.addWidget(self._line)
            audit.view.panes.candidate.add_bar(bar)
        self._line.setText(line)
        self._line.setToolTip(notes_text(self._marks, audit.focus))
        self._line_bar.setVisible(bool(line))

    def _changed(self, changes: Changes, _initiator: object) -> None:
        if changes.marks or changes.everything:
            self._read()
        if self._guideline is not None and (changes.settings or changes.everything):
            self._read_guideline()

    # The guideline

    def _show_guideline(self) -> None:
        from lrstudio.qt.views.dialogs.guideline_dialog import GuidelineDialog

        if self._project is None:
            return
        if self._guideline is None:
            dialog = self._guideline = GuidelineDialog(self._switch, self._window)
            dialog.written.connect(self._write_guideline)
            dialog.destroyed.connect(self._forget_guideline)
        self._read_guideline()
        bring_up(self._guideline)

    def _read_guideline(self) -> None:
        def there(versions: tuple[Guideline, ...]) -> None:
            if self._guideline is not None:
                self._guideline.set_versions(versions)

        if self._project is not None:
            self._operations.query(self._project.marking.guidelines, there, slot="guideline")

    def _write_guideline(self, text: str) -> None:
        project, dialog = self._project, self._guideline
        if project is None or dialog is None:
            return

        def failed(error: BaseException) -> None:
            if isinstance(error, Refused) and self._guideline is dialog:
                dialog.refuse(str(error))
            else:
                self._operations.announce(error, again=lambda: self._write_guideline(text))

        def done(_changes: Changes) -> None:
            if self._guideline is dialog:
                dialog.saved()

        self._operations.run(lambda: project.marking.write_guideline(text), initiator=self, then=done, failed=failed)

    def _forget_guideline(self) -> None:
        self._guideline = None

    # The audit page

    def _choose_page(self) -> None:
        """Ask where the page of the candidate on screen goes."""
        audit = self._audit
        if self._project is None or audit is None or audit.detail is None:
            return
        candidate_id = audit.detail.candidate.candidate_id
        dialog = QFileDialog(self._window, "Audit page")
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(_PAGES)
        dialog.setDefaultSuffix("html")
        dialog.finished.connect(dialog.deleteLater)

        def chosen(name: str) -> None:
            path = Path(name)
            if not path.suffix:
                path = path.with_suffix(".pdf" if "pdf" in dialog.selectedNameFilter() else ".html")
            self.save_page(path, candidate_id)

        dialog.fileSelected.connect(chosen)
        dialog.open()

    def save_page(self, path: Path, candidate_id: str) -> None:
        """Write the audit of a candidate as a page, a PDF where the name ends so."""
        project = self._project
        if project is None:
            return

        def work() -> Path:
            from lrstudio.formats.whole import whole_file
            from lrstudio.services.printing import print_page
            from lrstudio.services.who_when import utc_now
            from lrstudio.viewstate.audit_page import audit_page

            detail = project.audit.candidate(candidate_id)
            text = project.audit.document_text(detail.document.document_id) if detail.document else None
            html = audit_page(detail, text=text, made=utc_now()).encode()
            if path.suffix.lower() == ".pdf":
                print_page(html, path)
            else:
                with whole_file(path) as file:
                    file.write(html)
            return path

        told: Callable[[Path], None] = lambda path: self.told.emit(Notice(f"Wrote {path}."))  # noqa: E731
        self._operations.run(work, then=told, long=True)

    # Where one stopped

    def stop(self) -> None:
        """Write down where the person is, before the project is closed."""
        project, audit = self._project, self._audit
        if project is None or audit is None or not audit.focus.candidate_id:
            return
        focus = audit.focus
        thing = Thing.PART if focus.part_id else Thing.CANDIDATE
        place = Place(thing, focus.candidate_id, focus.part_id)
        self._operations.run(lambda: project.marking.stop_at(place), initiator=self)
