"""The tests of foreign imports must notice a wrong service: each is given one with a planted bug."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lrstudio.services import import_rows
from lrstudio.services.wiring import create_project

HERE = Path(__file__).parent
SERVICES = Path(import_rows.__file__).parent


def _load(path: Path, old: str = "", new: str = "") -> ModuleType:
    """Run a source, with a change, as a module of its own."""
    source = path.read_text(encoding="utf-8")
    assert not old or source.count(old) == 1
    spec = importlib.util.spec_from_loader(f"{path.stem}_under_mutation", loader=None, origin=str(path))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        exec(compile(source.replace(old, new) if old else source, str(path), "exec"), module.__dict__)
    finally:
        del sys.modules[spec.name]
    return module


checks = _load(HERE / "test_foreign_imports.py")

SCORES = "test_scores_of_longreward_become_judgments_with_claims_and_evidence"
ONCE = "test_every_format_comes_in_once"
WHO = "test_decisions_say_who_and_whether_blind"
GOLD = "test_who_preferred_is_kept"
SIDES = "test_a_pair_is_of_the_candidates_that_are_there"
OTHERWISE = "test_a_judge_that_says_otherwise_is_named"

# Module, the test that must find it, the file that it reads where it takes one, what is written, what a slip makes.
MUTANTS = [
    (
        "import_verdicts",
        SCORES,
        "",
        "state=State.UNSCORED if item.score is None else State.SCORED",
        "state=State.SCORED",
    ),
    ("import_verdicts", SCORES, "", 'passage.strip("\\ufffd")', "passage"),
    ("import_verdicts", SCORES, "", "reference_score=item.reference_score", "reference_score=None"),
    ("import_verdicts", SCORES, "", "RunState.DONE, finished", "RunState.FAILED, finished"),
    ("import_verdicts", OTHERWISE, "", "(here.score, here.explanation) != (made.score, made.explanation)", "False"),
    ("import_verdicts", ONCE, "longreward", "known = (candidate.candidate_id, item.dimension) in", "known = () in"),
    ("import_verdicts", ONCE, "label-studio.json", "known = next(here, None)", "known = None"),
    ("import_verdicts", WHO, "", "reviewer=item.reviewer", 'reviewer="import"'),
    ("import_verdicts", WHO, "", "blind=item.blind", "blind=True"),
    ("import_preferences", GOLD, "", "PairAct.ADDED if reviewer else PairAct.PROPOSED", "PairAct.PROPOSED"),
    ("import_preferences", GOLD, "", "time=it.item.time or self._clock()", "time=self._clock()"),
    ("import_preferences", ONCE, "trl-explicit.jsonl", "return entry.rule == IMPORTED", "return False"),
    ("import_preferences", SIDES, "", "chosen_id=it.chosen.candidate_id", "chosen_id=it.rejected.candidate_id"),
]


def _run(check: str, name: str, tmp_path: Path) -> None:
    project = create_project(tmp_path / "p.lrs", reviewer="ann")
    given = {"project": project, "store": project._store, "tmp_path": tmp_path, "name": name}
    function = getattr(checks, check)
    try:
        function(**{word: given[word] for word in inspect.signature(function).parameters})
    finally:
        project.close()


@pytest.mark.parametrize(("check", "name"), sorted({mutant[1:3] for mutant in MUTANTS}))
def test_the_services_as_they_are_pass(tmp_path: Path, check: str, name: str) -> None:
    _run(check, name, tmp_path)


@pytest.mark.parametrize(("module", "check", "name", "old", "new"), MUTANTS)
def test_a_planted_bug_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, check: str, name: str, old: str, new: str
) -> None:
    wrong = _load(SERVICES / f"{module}.py", old, new)
    importer = "VerdictImporter" if module == "import_verdicts" else "PreferenceImporter"
    monkeypatch.setattr(import_rows, importer, getattr(wrong, importer))
    with pytest.raises((AssertionError, ValueError)):
        _run(check, name, tmp_path)
