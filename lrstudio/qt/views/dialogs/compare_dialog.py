"""Several judges side by side: whose verdicts, what counts as a difference, the candidates, and one's claims."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from lrstudio.domain.overviews import JudgeSource
from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.models.compare_table import ClaimTable, CompareTable
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Splitter, Words, unit
from lrstudio.qt.views.compare_parts import SLOT, CompareTree
from lrstudio.qt.views.dialogs.base import Dialog
from lrstudio.viewstate.audit_headers import judge_description
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.compare import MARGIN, ClaimRow, CompareRow, CompareView, source_names


class CompareDialog(Dialog):
    """The comparison.

    Signals:
        wanted: `(sources, CompareView)`: compare these in this way.
        picked: the id of the candidate whose claims are wanted.
        shown: the id of the candidate that the window is to show.
        filtered: the list is to keep the candidates that differ.
        unfiltered: the list is to show all again.
    """

    wanted = Signal(object, object)
    picked = Signal(str)
    shown = Signal(str)
    filtered = Signal()
    unfiltered = Signal()

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Judges side by side", parent, size=(150, 96))
        self._sources: tuple[JudgeSource, ...] = ()
        self._chosen: tuple[JudgeSource, ...] = ()
        self.choose = Button("Judges")
        self.margin = QDoubleSpinBox()
        self.margin.setRange(0.1, 10.0)
        self.margin.setDecimals(1)
        self.margin.setSingleStep(0.5)
        self.margin.setValue(MARGIN)
        self.margin.setAccessibleName("Points by which scores differ")
        self.by_score = QCheckBox("Scores differ by")
        self.by_support = QCheckBox("Support of a claim differs")
        self.only = QCheckBox("Only those that differ")
        for box in (self.by_score, self.by_support, self.only):
            box.setChecked(True)
        self.filter = Button("Show these in the list", kind=Kind.PRIMARY)
        self.filter.setCheckable(True)
        self.count = Words("", quiet=True)
        self.count.setAccessibleName("How many differ")
        self._candidates = CompareTable(self)
        self._claims = ClaimTable(self)
        self.candidates = CompareTree(switch, name="Candidates that judges have in common")
        self.candidates.setModel(self._candidates)
        self.claims = CompareTree(switch, name="Claims of the candidate")
        self.claims.setModel(self._claims)
        self._nothing = QLabel()
        self._nothing.setWordWrap(True)
        self._lay_out()
        self._connect()
        self.take_room()

    @property
    def rows(self) -> tuple[CompareRow, ...]:
        """The candidates listed."""
        return self._candidates.rows

    @property
    def claim_rows(self) -> tuple[ClaimRow, ...]:
        """The claims of the candidate that is picked."""
        return self._claims.rows

    @property
    def chosen(self) -> tuple[JudgeSource, ...]:
        """Whose verdicts are compared."""
        return self._chosen

    def view(self) -> CompareView:
        """Return what counts as a difference."""
        return CompareView(
            margin=self.margin.value(),
            by_score=self.by_score.isChecked(),
            by_support=self.by_support.isChecked(),
            only_differing=self.only.isChecked(),
        )

    def set_sources(self, sources: Sequence[JudgeSource]) -> None:
        """Offer these; what was chosen stays chosen, else the two judges that spoke last."""
        if tuple(sources) == self._sources:
            return
        self._sources = tuple(sources)
        names = dict(zip(self._sources, source_names(self._sources), strict=True))
        keys = {(it.identity, it.run_id) for it in self._chosen}
        kept = [it for it in self._sources if (it.identity, it.run_id) in keys]
        judges = [it for it in self._sources if not it.run_id]
        self._chosen = tuple(kept) if len(kept) > 1 else tuple((judges if len(judges) > 1 else self._sources)[:2])
        menu, old = QMenu(self.choose), self.choose.menu()
        for title, mine in (("Latest of each judge", judges), ("Single runs", [it for it in sources if it.run_id])):
            menu.addSection(title)
            for it in mine:
                action = menu.addAction(f"{names[it]}   ({counted(it.candidates, 'candidate')})")
                action.setToolTip(judge_description(it.identity))
                action.setCheckable(True)
                action.setChecked(it in self._chosen)
                action.toggled.connect(lambda on, it=it: self._toggle(it, on=on))
        menu.setToolTipsVisible(True)
        self.choose.setMenu(menu)
        if old is not None:
            old.deleteLater()
        self._name_chosen()

    def show_rows(self, rows: Sequence[CompareRow], *, differing: int, common: int) -> None:
        """Show the candidates; `common` counts those that two of the judges have judged."""
        picked = self._picked()
        self._candidates.set_rows(rows, source_names(self._chosen))
        self.candidates.lay_out_columns([SLOT * len(Dimension) + 2] * len(self._chosen) + [12, 8])
        self.count.setText(f"{differing:,} of {counted(common, 'candidate')} differ")
        self.count.updateGeometry()
        self.filter.setEnabled(differing > 0)
        at = next((n for n, row in enumerate(rows) if row.candidate_id == picked), 0)
        self._nothing.setVisible(not rows)
        self._nothing.setText(
            "Run another judge over the same candidates to compare them."
            if len(self._chosen) < 2
            else "No candidate was judged by two of them."
            if not common
            else "They agree on every candidate, by what counts as a difference above."
        )
        if rows:
            self.candidates.setCurrentIndex(self._candidates.index(at, 0))
        else:
            self.show_claims(())

    def show_claims(self, rows: Sequence[ClaimRow]) -> None:
        """Show the claims of the candidate that is picked."""
        self._claims.set_rows(rows, source_names(self._chosen))
        self.claims.lay_out_columns([24] * len(self._chosen))

    def ask(self) -> None:
        """Wish for the comparison as it is set up now."""
        self.wanted.emit(self._chosen, self.view())

    def _toggle(self, source: JudgeSource, *, on: bool) -> None:
        chosen = [it for it in self._sources if (it in self._chosen and it != source) or (it == source and on)]
        self._chosen = tuple(chosen)
        self._name_chosen()
        self.ask()

    def _name_chosen(self) -> None:
        names = source_names(self._chosen)
        self.choose.set_words("Judges: " + ("  |  ".join(names) if names else "none"))

    def _picked(self) -> str:
        at = self.candidates.currentIndex()
        return self.rows[at.row()].candidate_id if at.isValid() and at.row() < len(self.rows) else ""

    def _moved(self, index: QModelIndex, _previous: QModelIndex) -> None:
        if index.isValid():
            self.picked.emit(self.rows[index.row()].candidate_id)

    def _entered(self, index: QModelIndex) -> None:
        self.shown.emit(self.rows[index.row()].candidate_id)

    def _filter(self, on: bool) -> None:
        (self.filtered if on else self.unfiltered).emit()

    def _connect(self) -> None:
        self.margin.valueChanged.connect(self.ask)
        for box in (self.by_score, self.by_support, self.only):
            box.toggled.connect(self.ask)
        self.by_score.toggled.connect(self.margin.setEnabled)
        self.filter.clicked.connect(self._filter)
        self.candidates.selectionModel().currentRowChanged.connect(self._moved)
        self.candidates.row_entered.connect(self._entered)

    def _lay_out(self) -> None:
        step = unit(self)
        self.choose.set_eliding()
        top = QHBoxLayout()
        top.addWidget(self.choose, 1)
        ways = QHBoxLayout()
        ways.setSpacing(step)
        for widget in (self.by_score, self.margin, QLabel("points")):
            ways.addWidget(widget)
        ways.addSpacing(step)
        ways.addWidget(self.by_support)
        ways.addSpacing(step)
        ways.addWidget(self.only)
        ways.addStretch(1)
        ways.addWidget(self.count)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._nothing)
        column.addWidget(self.candidates, 1)
        split = Splitter(Qt.Orientation.Vertical, name="compare.split")
        split.addWidget(upper)
        split.addWidget(self.claims)
        split.setSizes([60 * step, 40 * step])
        self.column.addLayout(top)
        self.column.addLayout(ways)
        self.column.addWidget(split, 1)
        close = Button("Close")
        close.clicked.connect(self.close)
        self.add_buttons([self.filter, close])
