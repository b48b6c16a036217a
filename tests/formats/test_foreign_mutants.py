"""The tests of foreign rows must notice a wrong reader: each is handed one with a planted bug and has to turn red."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lrstudio.formats.given import Place
from lrstudio.formats.records import ImportItem, RowError
from lrstudio.formats.rows import BadRow

HERE = Path(__file__).parent
FORMATS = HERE.parents[1] / "lrstudio" / "formats"


def _load(path: Path, source: str) -> ModuleType:
    """Run a source as a module of its own, beside the one that it is the source of."""
    name = f"{path.stem}_under_mutation"
    spec = importlib.util.spec_from_loader(name, loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    finally:
        del sys.modules[name]
    return module


rows_test = _load(
    HERE / "test_foreign_rows.py",
    (HERE / "test_foreign_rows.py").read_text(encoding="utf-8").replace("__file__", repr(str(HERE / "x.py"))),
)

# Module, the function that reads, a file that it reads, a stretch of its source, and what a slip makes of it.
MUTANTS: list[tuple[str, str, str, str, str]] = [
    ("trl_in", "read", "trl-explicit.jsonl", "chosen_id=better", "chosen_id=worse"),
    ("trl_in", "read", "trl-explicit.jsonl", "document=document,", "document=None,"),
    ("trl_in", "read", "trl-implicit.jsonl", "common[:end].rpartition(_BLANK_LINE)", "(common, _BLANK_LINE, '')"),
    (
        "trl_in",
        "read",
        "trl-chat.jsonl",
        'number(chosen, "score_chosen") - number(',
        'number(chosen, "score_chosen") + number(',
    ),
    ("trl_in", "read", "trl-chat.jsonl", 'transcript(messages(prompt, "prompt"))', 'messages(prompt, "prompt")[0][1]'),
    ("trl_in", "read", "trl-chat-implicit.jsonl", "transcript(chosen[:common])", "transcript(chosen[:common + 1])"),
    ("longreward_in", "read_pair", "longreward-10k.jsonl", "if said == NOTHING or", "if"),
    ("longreward_in", "read_pair", "longreward-10k.jsonl", "answers=(answer,) if answer else ()", "answers=()"),
    (
        "longreward_in",
        "read_pair",
        "longreward/preference_pairs.jsonl",
        '("answer", "win_response", "lose_response")',
        '("answer", "lose_response", "win_response")',
    ),
    (
        "longreward_in",
        "read_scored",
        "longreward/scored_responses.jsonl",
        "0.0 <= score <= 10.0",
        "0.0 <= score <= 100.0",
    ),
    (
        "longreward_in",
        "read_scored",
        "longreward/scored_responses.jsonl",
        "for dimension in Dimension\n",
        "for dimension in list(Dimension)[:3]\n",
    ),
    (
        "longreward_in",
        "read_scored",
        "longreward/scored_responses.jsonl",
        'records(details, "details")',
        'records(details, "facts")[:1]',
    ),
    (
        "ultrafeedback",
        "read",
        "ultrafeedback.jsonl",
        'stars(rated["Rating"], "annotations.helpfulness.Rating")',
        'float(rated["Rating"])',
    ),
    ("ultrafeedback", "read", "ultrafeedback.jsonl", '_HELPFULNESS = "helpfulness"', '_HELPFULNESS = "honesty"'),
    ("ultrafeedback", "read", "ultrafeedback.jsonl", '["", "N/A"]', '[""]'),
    ("helpsteer", "read", "helpsteer.jsonl", "* 10.0 / _MOST", "* 2.0"),
    (
        "helpsteer",
        "read",
        "helpsteer.jsonl",
        '"coherence": Dimension.LOGICALITY',
        '"correctness": Dimension.LOGICALITY',
    ),
    ("label_studio", "read", "label-studio.json", 'if selected == "left":', 'if selected == "right":'),
    ("label_studio", "read", "label-studio.json", 'if not annotation.get("was_cancelled"):', "if True:"),
    ("label_studio", "read", "label-studio.json", 'records(row, "predictions")', "[]"),
    ("label_studio", "read", "label-studio.json", 'blind=not row.get("predictions")', "blind=True"),
    ("argilla", "read", "argilla.json", "min(ranks", "max(ranks"),
    ("argilla", "read", "argilla.json", "or len(set(ranks.values())) == 1", ""),
    ("argilla", "read", "argilla.json", "score=stars(value, name)", "score=float(value)"),
    ("inspect_log", "read_inspect", "inspect.json", "top <= 1.0", "top <= 0.1"),
    ("inspect_log", "read_inspect", "inspect.json", 'records(score, "history") or [score]', "[score]"),
    ("inspect_log", "read_inspect", "inspect.json", "model=log.model", "model=log.name"),
    (
        "inspect_log",
        "read_inspect",
        "inspect-popularity.json",
        "targets if isinstance(it, str)",
        "targets[1:] if isinstance(it, str)",
    ),
]


def _read(module: ModuleType, function: str, name: str) -> Iterator[ImportItem]:
    reader: Any = getattr(module, function)
    if function == "read_inspect":
        yield from reader(rows_test.DATA / name)
        return
    for number, row in enumerate(rows_test.rows(name), start=1):
        where = f"{name} row {number}"
        try:
            yield from list(reader(row, Place(name, "mutant", where)))
        except BadRow as error:
            yield RowError(where, str(error))


@pytest.mark.parametrize(("module", "function", "name"), sorted({mutant[:3] for mutant in MUTANTS}))
def test_the_readers_as_they_are_pass(module: str, function: str, name: str) -> None:
    path = FORMATS / f"{module}.py"
    whole = _load(path, path.read_text(encoding="utf-8"))
    assert rows_test.told(_read(whole, function, name)) == rows_test.EXPECTED[name]


@pytest.mark.parametrize(("module", "function", "name", "old", "new"), MUTANTS)
def test_a_planted_bug_is_found(module: str, function: str, name: str, old: str, new: str) -> None:
    path = FORMATS / f"{module}.py"
    source = path.read_text(encoding="utf-8")
    assert source.count(old) == 1
    try:
        found = rows_test.told(_read(_load(path, source.replace(old, new)), function, name))
    except (KeyError, TypeError, ValueError, AttributeError):
        return
    assert found != rows_test.EXPECTED[name]
