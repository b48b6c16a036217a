"""Runs on hosts, as a project names them."""

from __future__ import annotations

from pathlib import Path

from lrstudio.store.remote_runs import RemoteRun
from lrstudio.store.store import Store


def test_a_run_is_named_once_and_said_anew(tmp_path: Path) -> None:
    with Store.create(tmp_path / "p.lrs") as store:
        first = RemoteRun("002-dpo-b", "2026-01-01", '{"folder": "/far"}', "{}")
        store.remote_runs.put(first)
        store.remote_runs.put(RemoteRun("001-dpo-a", "2026-01-02", "\ud800\0'", "{}"))
        assert [run.run_id for run in store.remote_runs.all()] == ["001-dpo-a", "002-dpo-b"]
        store.remote_runs.put(RemoteRun("002-dpo-b", "2026-02-02", "{}", '{"v": 1}'))
        assert store.remote_runs.all()[1] == RemoteRun("002-dpo-b", "2026-01-01", "{}", '{"v": 1}')
        assert store.remote_runs.all()[0].away == "\ud800\0'"
    with Store.open(tmp_path / "p.lrs") as store:
        store.remote_runs.remove("001-dpo-a")
        store.remote_runs.remove("001-dpo-a")
        assert [run.run_id for run in store.remote_runs.all()] == ["002-dpo-b"]
