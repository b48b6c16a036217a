"""Files of calls: in which order calls stand there, and what goes into which file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lrstudio.judge.caller import Ask, Behalf, Unsent
from lrstudio.judge.pacing import Lane
from lrstudio.judge.packs import CallName
from lrstudio.judge.parsing import read_score
from lrstudio.services.batch_files import CallFiles


def call(key: str, document: str, prompt: str) -> Unsent[Any]:
    ask = Ask(CallName.HELPFULNESS, prompt, read_score, 10, behalf=Behalf(lane=Lane(document)))
    return Unsent(ask, key, {"model": "m", "messages": [{"role": "user", "content": prompt}], "max_tokens": 10})


def keys(path: Path) -> list[str]:
    return [json.loads(line)["custom_id"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_documents_stay_together_and_equal_beginnings_beside_each_other(tmp_path: Path) -> None:
    files = CallFiles(lambda number, _of: tmp_path / f"in-{number}", rows=100, size=1 << 20)
    for it in (
        call("1", "b", "chunk one, question two"),
        call("2", "b", "chunk two, question one"),
        call("3", "b", "chunk one, question one"),
        call("4", "a", "chunk two"),
        call("5", "a", "chunk one"),
    ):
        files.add(it)
    assert files.publish() == ((tmp_path / "in-1", 5),)
    assert keys(tmp_path / "in-1") == ["3", "1", "2", "5", "4"]


def test_a_part_begins_a_file_and_nothing_is_there_before_all_is(tmp_path: Path) -> None:
    files = CallFiles(lambda number, _of: tmp_path / f"in-{number}", rows=2, size=1 << 20)
    for number in range(3):
        files.add(call(str(number), "a", f"prompt {number}"))
    files.part()
    files.add(call("3", "a", "prompt 0"))
    assert not list(tmp_path.glob("in-*"))
    assert [(path.name, count) for path, count in files.publish()] == [("in-1", 2), ("in-2", 1), ("in-3", 1)]
    assert [keys(tmp_path / f"in-{number}") for number in (1, 2, 3)] == [["0", "1"], ["2"], ["3"]]
    files.discard()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in-1", "in-2", "in-3"]
