"""The tests of labels must notice a wrong reader: each is handed one with a planted bug and has to turn red."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from types import ModuleType

import pytest

from lrstudio.formats import rows

HERE = Path(__file__).parent
LABELS = HERE.parents[1] / "lrstudio" / "formats" / "labels.py"

# A stretch of the reader's source, and what a slip makes of it.
MUTANTS = [
    ("value / 10, f", "value / 100, f"),
    ('"coverage": Dimension.COMPLETENESS', '"coverage": Dimension.HELPFULNESS'),
    ("review.get('worker_id', number)", "number"),
    ('f"{name}_rank"), 1, last))', 'f"{name}_rank"), 1, 10))'),
    ("Reason.UNREADABLE if given is None else Reason.NONE", "Reason.NONE"),
    ('{"TRUE": Support.FULL, "FALSE": Support.NONE}', '{"TRUE": Support.NONE, "FALSE": Support.FULL}'),
    ("{True: Support.FULL, False: Support.NONE}", "{True: Support.NONE, False: Support.FULL}"),
    ("0 <= number < len(passages)", "0 <= number <= 1 and number < 1"),
    ("after = at + len(part) if at >= 0 else after", "after = 0"),
    ("10 * label, note", "label, note"),
    ("if label is not None]\n        if given:", "]\n        if given:"),
    (
        "score = SaidScore(Dimension.FAITHFULNESS, 10 * share, note)",
        "score = SaidScore(Dimension.FAITHFULNESS, share, note)",
    ),
    ('if "Conflict" in kind else', 'if "Baseless" in kind else'),
    ("gaps_only=True", "gaps_only=False"),
    ("if not lowest <= value <= highest:", "if not lowest <= value:"),
    ('Support(_number(value, 0, 1, "support"))', 'Support(round(_number(value, 0, 1, "support")))'),
    ("if name not in reading.read and human[name]", "if human[name]"),
]


def checks() -> list[Callable[..., None]]:
    spec = importlib.util.spec_from_file_location("labels_test_under_mutation", HERE / "test_formats_labels.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    named = [value for name, value in vars(module).items() if name.startswith("test_")]
    bad = module.test_labels_that_cannot_be_read_are_named_and_the_candidate_is_kept
    ((_, cases),) = [(mark.args[0], mark.args[1]) for mark in bad.pytestmark]
    return [
        *(check for check in named if not signature(check).parameters),
        *(lambda human=human, words=words: bad(human, words) for human, words in cases),
    ]


def mutated(source: str) -> ModuleType:
    name = "labels_under_mutation"
    spec = importlib.util.spec_from_loader(name, loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        exec(compile(source, str(LABELS), "exec"), module.__dict__)
    finally:
        del sys.modules[name]
    return module


def passes(check: Callable[..., None]) -> bool:
    try:
        check()
    except (AssertionError, ValueError, TypeError):
        return False
    return True


@pytest.mark.parametrize(("right", "wrong"), MUTANTS)
def test_a_planted_bug_is_found(right: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = LABELS.read_text(encoding="utf-8")
    assert source.count(right) == 1, right
    monkeypatch.setattr(rows, "labels_of", mutated(source.replace(right, wrong)).labels_of)
    assert not all(passes(check) for check in checks())


def test_the_reader_as_it_is_passes() -> None:
    assert all(passes(check) for check in checks())
