"""`lrstudio judge --on HOST` against a real OpenSSH server, with a program in the place of vLLM."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lrstudio.services.hosts import Hosts
from lrstudio.services.settings import SettingsStore
from lrstudio.services.wiring import create_project

if TYPE_CHECKING:
    from tests.doubles.sshd_server import SshdServer

Run = Callable[..., Any]

ROOT = Path(__file__).parents[2]
LINES = [f"In {1800 + year} the port of Wenlow dredged {year * 37} tons of mud." for year in range(60)]
ROW = {
    "document_id": "d",
    "document_text": " ".join(LINES),
    "query": "Which port dredged mud, and how much?",
    "candidates": [{"id": f"c{n}", "text": f"{LINES[n]} {LINES[n + 1]}"} for n in range(3)],
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path, rows = tmp_path / "p.lrs", tmp_path / "rows.jsonl"
    rows.write_text(json.dumps(ROW), encoding="utf-8")
    made = create_project(path)
    made.imports.import_paths([rows])
    made.close()
    return path


def test_a_project_is_judged_on_a_host(project: Path, tmp_path: Path, sshd: "SshdServer", lrstudio: Run) -> None:
    play, told = tmp_path / "play.json", tmp_path / "told"
    play.write_text("{}", encoding="utf-8")
    batch = ("env", f"PYTHONPATH={ROOT}", sys.executable, str(ROOT / "tests" / "doubles" / "run_batch.py"))
    words = (*batch, "--play", str(play), "--told", str(told))
    Hosts(SettingsStore()).save(sshd.host("box", python=(sys.executable,), batch=words))
    judge = ("judge", project, "--on", "box", "--model", "/models/judge")
    assert "there is no host 'bix'" in lrstudio("judge", project, "--on", "bix", "--model", "m").err
    assert lrstudio("judge", project, "--end").status == 2
    unknown = lrstudio(*judge)
    assert (unknown.status, unknown.out) == (1, "")
    assert "how long a prompt of /models/judge may be is not known" in unknown.err
    planned = lrstudio(*judge, "--plan", "--json").data
    assert planned["outstanding"]["total"]["calls"] == 17
    done = lrstudio(*judge, "--context", "32768", "--json")
    assert (done.status, done.data["state"], done.data["calls"], done.data["host"]) == (0, "done", 17, "box")
    assert [(it["wave"], it["calls"], it["state"]) for it in done.data["waves"]] == [(1, 10, "taken"), (2, 7, "taken")]
    assert "wave 1: " in done.err
    assert "wave 2: " in done.err
    assert len(told.read_text(encoding="utf-8").split()) == 17
    ended = lrstudio("judge", project, "--on", "box", "--end")
    assert (ended.status, "no judge run is under way on box" in ended.err) == (1, True)
    left = [entry.name for entry in (Path(sshd.host().folder) / "batch").iterdir()]
    assert left == [], "no document stays there"
