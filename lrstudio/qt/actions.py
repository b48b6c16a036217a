"""Every command of the window as a record: menus, shortcut sheet, key caps and tests are made from these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QKeySequence

from lrstudio.viewstate.facts import OF_AUDIT, Fact


class Group(StrEnum):
    """The menus, in order."""

    PROJECT = "Project"
    JUDGE = "Judge"
    DECIDE = "Decide"
    CLAIMS = "Claims and evidence"
    GO = "Go to"
    PAIRS = "Pairs"
    TRAINING = "Training"
    VIEW = "View"
    HELP = "Help"


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    `shortcuts` are portable key sequences, the first one shown. `when` names what must hold for it to be enabled.
    `listed` is False for those that neither a menu nor the shortcut sheet names one by one.
    """

    id: str
    text: str
    group: Group
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    when: frozenset[Fact] = frozenset()
    checkable: bool = False
    listed: bool = True


def _when(*facts: Fact) -> frozenset[Fact]:
    return frozenset(facts)


_PROJECT = (
    Command("project.new", "New project…", Group.PROJECT, ("Ctrl+N",), "add"),
    Command("project.open", "Open project…", Group.PROJECT, ("Ctrl+O",), "open"),
    Command("project.shared", "Open shared project…", Group.PROJECT, ("Ctrl+Shift+O",), "open"),
    Command("project.sample", "Open the sample project", Group.PROJECT),
    Command("project.import", "Import files…", Group.PROJECT, ("Ctrl+I",), "import", _when(Fact.PROJECT)),
    Command("project.merge", "Merge another project…", Group.PROJECT, ("Ctrl+Shift+M",), when=_when(Fact.PROJECT)),
    Command("project.add", "Paste a text…", Group.PROJECT, ("Ctrl+Shift+N",), "note", _when(Fact.PROJECT)),
    Command(
        "document.local",
        "Keep this document on this machine",
        Group.PROJECT,
        when=_when(Fact.CANDIDATE),
        checkable=True,
    ),
    Command(
        "project.local", "Keep all documents on this machine", Group.PROJECT, when=_when(Fact.PROJECT), checkable=True
    ),
    Command("project.export", "Export…", Group.PROJECT, ("Ctrl+E",), "export", _when(Fact.PROJECT)),
    Command("project.close", "Close project", Group.PROJECT, ("Ctrl+W",), "close", _when(Fact.PROJECT)),
    Command("hosts.open", "Hosts…", Group.PROJECT, ("Ctrl+Shift+H",)),
    Command("settings.open", "Settings…", Group.PROJECT, ("Ctrl+,",), "settings"),
    Command("window.quit", "Quit", Group.PROJECT, ("Ctrl+Q",)),
)
_JUDGE = (
    Command(
        "judge.run",
        "Run judge…",
        Group.JUDGE,
        ("Ctrl+R",),
        "judge",
        _when(Fact.PROJECT, Fact.QUESTIONS, Fact.NOT_JUDGING),
    ),
    Command("judge.cancel", "Cancel the judge", Group.JUDGE, ("Ctrl+.",), "cancel", _when(Fact.JUDGING)),
    Command("judge.call", "Show the raw call", Group.JUDGE, ("Ctrl+K",), "note", _when(Fact.CALL)),
    Command("judge.summary", "What a judge run came to…", Group.JUDGE, ("Ctrl+Shift+R",), when=_when(Fact.PROJECT)),
    Command("judge.compare", "Judges side by side…", Group.JUDGE, ("Ctrl+J",), when=_when(Fact.PROJECT)),
    Command("reports.open", "Reports…", Group.JUDGE, ("Ctrl+Shift+A",), when=_when(Fact.PROJECT)),
    Command("judge.packs", "Prompt packs…", Group.JUDGE, ("Ctrl+Shift+P",), "edit"),
)
_DECIDE = (
    Command("verdict.full", "Full", Group.DECIDE, ("1",), when=_when(Fact.PART)),
    Command("verdict.partial", "Partial", Group.DECIDE, ("2",), when=_when(Fact.PART)),
    Command("verdict.none", "None", Group.DECIDE, ("3",), when=_when(Fact.PART)),
    Command("verdict.contradicted", "None: contradicted", Group.DECIDE, ("C",), when=_when(Fact.NONE_CHOSEN)),
    Command("verdict.not_found", "None: not found", Group.DECIDE, ("F",), when=_when(Fact.NONE_CHOSEN)),
    Command("verdict.not_checkable", "Not checkable", Group.DECIDE, ("0",), when=_when(Fact.PART)),
    Command("decide.commit", "Confirm or commit", Group.DECIDE, ("Return", "Enter"), "check", _when(Fact.COMMIT)),
    Command("decide.reason", "Give a reason", Group.DECIDE, ("R",), "note", _when(Fact.COMMIT)),
    Command("decide.undo", "Undo", Group.DECIDE, ("U", "Ctrl+Z"), "undo", _when(Fact.UNDO)),
    Command("decide.redo", "Redo", Group.DECIDE, ("Shift+U", "Ctrl+Shift+Z"), "redo", _when(Fact.REDO)),
)
SCORE_DIGITS = tuple(
    Command(f"score.{digit}", f"Score {digit}", Group.DECIDE, (str(digit),), when=_when(Fact.SCORE), listed=False)
    for digit in range(10)
)
_CLAIMS = (
    Command("claim.split", "Split the claim at the cursor", Group.CLAIMS, ("S",), "split", _when(Fact.CLAIM)),
    Command("claim.merge", "Merge with the next claim", Group.CLAIMS, ("M",), "merge", _when(Fact.CLAIM)),
    Command("part.reword", "Reword", Group.CLAIMS, ("E",), "edit", _when(Fact.PART)),
    Command("part.add", "Add from the selection", Group.CLAIMS, ("A",), "add", _when(Fact.CANDIDATE)),
    Command("evidence.mark", "Mark the selection as evidence", Group.CLAIMS, ("V",), "mark", _when(Fact.CLAIM)),
    Command("evidence.unmark", "Take back this passage", Group.CLAIMS, ("Shift+V",), "delete", _when(Fact.CLAIM)),
)
_GO = (
    Command("part.next", "Next claim or key point", Group.GO, ("J",), "next", _when(Fact.PART)),
    Command("part.previous", "Previous claim or key point", Group.GO, ("K",), "previous", _when(Fact.PART)),
    Command("part.undecided", "Next undecided", Group.GO, ("G",), when=_when(Fact.PART)),
    Command("passage.next", "Next passage", Group.GO, ("N",), when=_when(Fact.PART)),
    Command("passage.previous", "Previous passage", Group.GO, ("P",), when=_when(Fact.PART)),
    Command("candidate.next", "Next candidate", Group.GO, ("]",), when=_when(Fact.QUESTIONS, Fact.AUDIT)),
    Command("candidate.previous", "Previous candidate", Group.GO, ("[",), when=_when(Fact.QUESTIONS, Fact.AUDIT)),
    Command("dimension.faithfulness", "Faithfulness", Group.GO, ("Alt+1",), when=_when(Fact.CANDIDATE)),
    Command("dimension.completeness", "Completeness", Group.GO, ("Alt+2",), when=_when(Fact.CANDIDATE)),
    Command("dimension.helpfulness", "Helpfulness", Group.GO, ("Alt+3",), when=_when(Fact.CANDIDATE)),
    Command("dimension.logicality", "Logicality", Group.GO, ("Alt+4",), when=_when(Fact.CANDIDATE)),
    Command("list.filter", "Filter the list", Group.GO, ("Ctrl+L", "/"), "filter", _when(Fact.QUESTIONS, Fact.AUDIT)),
    Command("pane.next", "Next pane", Group.GO, ("F6",), when=_when(Fact.PROJECT, Fact.AUDIT)),
    Command("pane.previous", "Previous pane", Group.GO, ("Shift+F6",), when=_when(Fact.PROJECT, Fact.AUDIT)),
)
_PAIRS = (
    Command("pairs.left", "The left candidate is better", Group.PAIRS, ("A",), when=_when(Fact.PAIRS, Fact.SIDES)),
    Command("pairs.right", "The right candidate is better", Group.PAIRS, ("B",), when=_when(Fact.PAIRS, Fact.SIDES)),
    Command(
        "pairs.approve",
        "Approve the pair",
        Group.PAIRS,
        ("Return", "Enter"),
        "check",
        _when(Fact.PAIRS, Fact.PAIR, Fact.PAIR_SEEN),
    ),
    Command("pairs.swap", "Swap the pair", Group.PAIRS, ("S",), when=_when(Fact.PAIRS, Fact.PAIR, Fact.PAIR_SEEN)),
    Command("pairs.reject", "Reject the pair", Group.PAIRS, ("X",), when=_when(Fact.PAIRS, Fact.PAIR)),
    Command("pairs.reason", "Say why the pair", Group.PAIRS, ("R",), "note", _when(Fact.PAIRS, Fact.SIDES)),
    Command("pairs.undo", "Undo on pairs", Group.PAIRS, ("U", "Ctrl+Z"), "undo", _when(Fact.PAIRS)),
    Command("pairs.redo", "Redo on pairs", Group.PAIRS, ("Shift+U", "Ctrl+Shift+Z"), "redo", _when(Fact.PAIRS)),
    Command("pairs.next", "Next pair", Group.PAIRS, ("J",), "next", _when(Fact.PAIRS)),
    Command("pairs.previous", "Previous pair", Group.PAIRS, ("K",), "previous", _when(Fact.PAIRS)),
    Command(
        "pairs.other_left", "Another candidate on the left", Group.PAIRS, ("[",), when=_when(Fact.PAIRS, Fact.SIDES)
    ),
    Command(
        "pairs.other_right", "Another candidate on the right", Group.PAIRS, ("]",), when=_when(Fact.PAIRS, Fact.SIDES)
    ),
    Command("pairs.next_question", "Next question", Group.PAIRS, ("N",), when=_when(Fact.PAIRS)),
    Command("pairs.previous_question", "Previous question", Group.PAIRS, ("P",), when=_when(Fact.PAIRS)),
    Command("pairs.propose", "Propose pairs…", Group.PAIRS, ("Ctrl+P",), when=_when(Fact.PAIRS)),
    Command("pairs.sets", "Freeze and export sets…", Group.PAIRS, ("Ctrl+Shift+S",), when=_when(Fact.PAIRS)),
    Command("pairs.filter", "Filter the pairs", Group.PAIRS, ("Ctrl+L", "/"), "filter", _when(Fact.PAIRS)),
    Command("pairs.blind", "Blind on pairs", Group.PAIRS, ("Shift+B",), "blind", _when(Fact.PAIRS), checkable=True),
    Command("pairs.pane", "Next pane of pairs", Group.PAIRS, ("F6",), when=_when(Fact.PAIRS)),
)
_TRAINING = (
    Command(
        "training.train",
        "Train",
        Group.TRAINING,
        ("Ctrl+Return", "Ctrl+Enter"),
        when=_when(Fact.TRAINING, Fact.NOT_CHECKING),
    ),
    Command(
        "training.check", "Check the form", Group.TRAINING, ("K",), "check", _when(Fact.TRAINING, Fact.NOT_CHECKING)
    ),
    Command(
        "training.cancel", "Cancel the check", Group.TRAINING, ("X",), "cancel", _when(Fact.TRAINING, Fact.CHECKING)
    ),
    Command("training.advanced", "Advanced options", Group.TRAINING, ("D",), when=_when(Fact.TRAINING)),
    Command("training.stop", "Stop and save", Group.TRAINING, ("S",), when=_when(Fact.TRAINING, Fact.RUN_ALIVE)),
    Command("training.kill", "Stop now…", Group.TRAINING, ("Shift+S",), when=_when(Fact.TRAINING, Fact.RUN_ALIVE)),
    Command("training.resume", "Resume", Group.TRAINING, ("R",), when=_when(Fact.TRAINING, Fact.RUN_RESUMABLE)),
    Command("training.judge", "Judge its answers", Group.TRAINING, ("J",), "judge", _when(Fact.TRAINING, Fact.RUN)),
    Command(
        "training.overlay", "Show or hide in the plots", Group.TRAINING, ("V",), when=_when(Fact.TRAINING, Fact.RUN)
    ),
    Command("training.compare", "Compare configurations…", Group.TRAINING, ("C",), when=_when(Fact.TRAINING, Fact.RUN)),
    Command("training.notes", "Notes on the run…", Group.TRAINING, ("N",), "note", _when(Fact.TRAINING, Fact.RUN)),
    Command("training.folder", "Open the run's folder", Group.TRAINING, ("O",), "open", _when(Fact.TRAINING, Fact.RUN)),
    Command(
        "training.remove", "Remove the run…", Group.TRAINING, ("Del",), "delete", _when(Fact.TRAINING, Fact.RUN_OVER)
    ),
    Command("training.fetch", "Fetch the adapter", Group.TRAINING, ("F",), when=_when(Fact.TRAINING, Fact.RUN_FAR)),
    Command(
        "training.drop_fetch", "Stop fetching", Group.TRAINING, ("Shift+F",), when=_when(Fact.TRAINING, Fact.FETCHING)
    ),
    Command("training.ask_now", "Ask the hosts now", Group.TRAINING, ("H",), when=_when(Fact.TRAINING, Fact.HOST_LOST)),
    Command("training.attach", "Attach runs on hosts", Group.TRAINING, ("Shift+H",), when=_when(Fact.TRAINING)),
    Command("training.page_next", "Next page of plots", Group.TRAINING, ("]",), when=_when(Fact.TRAINING)),
    Command("training.page_previous", "Previous page of plots", Group.TRAINING, ("[",), when=_when(Fact.TRAINING)),
    Command("training.reset", "Show all steps", Group.TRAINING, ("0",), when=_when(Fact.TRAINING)),
    Command("training.export", "Export the plots…", Group.TRAINING, ("Ctrl+Shift+E",), "export", _when(Fact.TRAINING)),
    Command("training.log", "Log", Group.TRAINING, ("L",), when=_when(Fact.TRAINING)),
    Command("training.samples", "Samples", Group.TRAINING, ("A",), when=_when(Fact.TRAINING)),
    Command("training.pane", "Next pane of training", Group.TRAINING, ("F6",), when=_when(Fact.TRAINING)),
)
_FINDING = (
    Command("project.find", "Find anything…", Group.GO, ("Ctrl+Shift+F",), "find", _when(Fact.PROJECT)),
    Command("mark.bookmark", "Bookmark", Group.CLAIMS, ("Ctrl+B",), when=_when(Fact.CANDIDATE)),
    Command("mark.tag", "Tag…", Group.CLAIMS, ("T",), when=_when(Fact.CANDIDATE)),
    Command("mark.note", "Note…", Group.CLAIMS, ("Ctrl+M",), when=_when(Fact.CANDIDATE)),
    Command("guideline.show", "Labelling guideline", Group.HELP, ("F2",), when=_when(Fact.PROJECT)),
    Command("page.save", "Audit page…", Group.PROJECT, ("Ctrl+P",), when=_when(Fact.CANDIDATE)),
    Command("reviewers.open", "Reviewers and differences…", Group.GO, ("Ctrl+Shift+D",), when=_when(Fact.PROJECT)),
    Command("queue.open", "Review queues…", Group.GO, ("Ctrl+Shift+Q",), when=_when(Fact.PROJECT)),
    Command("queue.next", "Next in the queue", Group.GO, ("Q",), when=_when(Fact.QUEUE)),
    Command("queue.previous", "Previous in the queue", Group.GO, ("Shift+Q",), when=_when(Fact.QUEUE)),
    Command("queue.skip", "Pass over in the queue", Group.GO, ("W",), when=_when(Fact.QUEUE)),
    Command("queue.leave", "Leave the queue", Group.GO, when=_when(Fact.QUEUE)),
)
_VIEW = (
    Command("workspace.audit", "Audit", Group.VIEW, ("Ctrl+1",), when=_when(Fact.PROJECT), checkable=True),
    Command("workspace.pairs", "Pairs", Group.VIEW, ("Ctrl+2",), when=_when(Fact.PROJECT), checkable=True),
    Command("workspace.training", "Training", Group.VIEW, ("Ctrl+3",), when=_when(Fact.PROJECT), checkable=True),
    Command("view.find", "Find in the text", Group.VIEW, ("Ctrl+F",), "find", _when(Fact.CANDIDATE)),
    Command("view.find_next", "Find next", Group.VIEW, ("F3",), when=_when(Fact.CANDIDATE)),
    Command("view.find_previous", "Find previous", Group.VIEW, ("Shift+F3",), when=_when(Fact.CANDIDATE)),
    Command("view.blind", "Blind", Group.VIEW, ("B",), "blind", _when(Fact.PROJECT, Fact.AUDIT), checkable=True),
    Command("view.theme", "Light or dark", Group.VIEW, ("Ctrl+Shift+T",), "theme"),
    Command("view.larger", "Larger text", Group.VIEW, ("Ctrl++", "Ctrl+="), when=_when(Fact.PROJECT)),
    Command("view.smaller", "Smaller text", Group.VIEW, ("Ctrl+-",), when=_when(Fact.PROJECT)),
    Command("view.normal", "Normal text", Group.VIEW, ("Ctrl+0",), when=_when(Fact.PROJECT)),
    Command("view.reset", "Reset the layout", Group.VIEW, when=_when(Fact.PROJECT)),
)
_HELP = (
    Command("help.shortcuts", "Keyboard shortcuts", Group.HELP, ("?", "F1"), "help"),
    Command("help.about", "About LongReward Studio", Group.HELP),
)
COMMANDS: tuple[Command, ...] = (
    *_PROJECT,
    *_JUDGE,
    *_DECIDE,
    *SCORE_DIGITS,
    *_CLAIMS,
    *_GO,
    *_PAIRS,
    *_TRAINING,
    *_FINDING,
    *_VIEW,
    *_HELP,
)

_NEVER_TOGETHER = (
    frozenset({Fact.PART, Fact.SCORE}),
    frozenset({Fact.JUDGING, Fact.NOT_JUDGING}),
    frozenset({Fact.CHECKING, Fact.NOT_CHECKING}),
    frozenset({Fact.PAIRS, Fact.TRAINING}),
    *(frozenset({fact, Fact.PAIRS}) for fact in OF_AUDIT),
    *(frozenset({fact, Fact.TRAINING}) for fact in OF_AUDIT),
)


def clashes(commands: Iterable[Command]) -> list[tuple[str, str, str]]:
    """Return pairs of commands that one key could mean at one time, with that key."""
    found = []
    for one, other in combinations(commands, 2):
        together = one.when | other.when
        if any(pair <= together for pair in _NEVER_TOGETHER):
            continue
        found += [(one.id, other.id, key) for key in set(one.shortcuts) & set(other.shortcuts)]
    return found


def enabled(command: Command, facts: frozenset[Fact]) -> bool:
    """Tell whether a command makes sense while these facts hold."""
    return command.when <= facts


def key_text(shortcut: str) -> str:
    """Return a key as it stands on a key cap: letters small, as they are pressed."""
    text = QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)
    named = {"Return": "↵", "Enter": "↵"}
    return named.get(text, text.lower() if len(text) == 1 else text)


def sheet(commands: Sequence[Command] = COMMANDS) -> Iterator[tuple[Group, list[tuple[str, tuple[str, ...]]]]]:
    """Yield the shortcut sheet: for each group the texts and their keys."""
    for group in Group:
        rows = [
            (it.text, tuple(key_text(key) for key in it.shortcuts))
            for it in commands
            if it.group is group and it.listed and it.shortcuts
        ]
        if group is Group.DECIDE:
            rows.append(("Type a score (helpfulness, logicality)", ("0 – 9",)))
        if rows:
            yield group, rows


class Actions(QObject):
    """The commands as Qt actions, enabled by facts.

    Signals:
        triggered: the id of a command.
    """

    triggered = Signal(str)

    def __init__(self, commands: Sequence[Command] = COMMANDS, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._commands = {command.id: command for command in commands}
        self._actions = {command.id: self._action(command) for command in commands}
        self.set_facts(frozenset())

    def __getitem__(self, command_id: str) -> QAction:
        """Return the action of a command."""
        return self._actions[command_id]

    def all(self) -> tuple[QAction, ...]:
        """Return every action, for a window to add: their shortcuts then work in it."""
        return tuple(self._actions.values())

    def listed(self, group: Group) -> tuple[QAction, ...]:
        """Return the actions of a menu."""
        return tuple(self._actions[it.id] for it in self._commands.values() if it.group is group and it.listed)

    def command(self, command_id: str) -> Command:
        """Return the record of a command."""
        return self._commands[command_id]

    def set_facts(self, facts: frozenset[Fact]) -> None:
        """Enable what makes sense now."""
        for command_id, action in self._actions.items():
            action.setEnabled(enabled(self._commands[command_id], facts))

    def _action(self, command: Command) -> QAction:
        action = QAction(command.text, self)
        action.setObjectName(command.id)
        action.setCheckable(command.checkable)
        action.setShortcuts([QKeySequence(key) for key in command.shortcuts])
        action.setShortcutVisibleInContextMenu(True)
        action.triggered.connect(lambda _checked=False, name=command.id: self.triggered.emit(name))
        return action
