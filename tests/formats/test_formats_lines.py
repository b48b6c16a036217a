"""Where a file of JSON lines is written: it takes the place of a file, and of nothing else."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.formats.lines import write_lines

ROWS = [{"a": 1}, {"b": "é\ud800"}]


def rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def usual_mode(tmp_path: Path) -> int:
    """What this process gives to a file that it makes, by its umask."""
    (tmp_path / "usual").touch()
    return stat.S_IMODE((tmp_path / "usual").stat().st_mode)


def test_a_new_file_has_the_usual_permissions(tmp_path: Path, usual_mode: int) -> None:
    assert write_lines(tmp_path / "out.jsonl", ROWS) == 2
    assert rows(tmp_path / "out.jsonl") == ROWS
    assert stat.S_IMODE((tmp_path / "out.jsonl").stat().st_mode) == usual_mode


@pytest.mark.skipif(os.name == "nt", reason="permissions are another thing here")
def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("old")
    path.chmod(0o640)
    write_lines(path, ROWS)
    assert rows(path) == ROWS
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "real.jsonl", tmp_path / "link.jsonl"
    target.write_text("old")
    link.symlink_to(target)
    write_lines(link, ROWS)
    assert link.is_symlink()
    assert rows(target) == ROWS
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["real.jsonl"]


@pytest.mark.skipif(os.name == "nt", reason="has other things that are no files")
def test_what_is_no_file_is_refused_and_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "to the null device").symlink_to(os.devnull)
    with socket.socket(socket.AF_UNIX) as plug:
        monkeypatch.chdir(tmp_path)  # the name of a socket has a hundred letters at most
        plug.bind("plug")
        for name in ("folder", "loop", "to the null device", "plug"):
            with pytest.raises(Refused, match="name a file") as caught:
                write_lines(tmp_path / name, ROWS)
            assert caught.value.where == str(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "loop", "plug", "to the null device"]


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(Environment, match="No such file"):
        write_lines(tmp_path / "nowhere" / "out.jsonl", ROWS)


def test_rows_that_break_off_leave_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield ROWS[0]
        raise KeyboardInterrupt

    path = tmp_path / "out.jsonl"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_lines(path, broken())
    assert path.read_text() == "old"
    assert [it.name for it in tmp_path.iterdir()] == ["out.jsonl"]
