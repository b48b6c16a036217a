"""The verbs at their edges: odd texts, projects that cannot be written to, locks, runs that did not end."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lrstudio.services.wiring import create_project, open_project
from tests.doubles.chat_server import Answer, ChatServer, Request

Run = Callable[..., Any]
ReadOnly = Callable[[Path], list[Path]]
NOT_A_KEY = "sk-0123456789abcdef"


def filled(path: Path, *rows: dict[str, Any]) -> Path:
    lines = path.with_suffix(".jsonl")
    lines.write_text("\n".join(map(json.dumps, rows)))
    project = create_project(path, title="Board")
    assert project.imports.import_paths([lines]).errors == ()
    project.close()
    return path


def row(name: str, **more: Any) -> dict[str, Any]:
    text = "The board met in 1871. It raised a loan of £150,000."
    return {"document_id": "d", "document_text": text, "query": "What did it do?", "id": name, "answer": text} | more


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return filled(tmp_path / "p.lrs", row("a1"), row("a2"))


def test_brackets_are_shown_as_they_are(tmp_path: Path, lrstudio: Run) -> None:
    path = filled(tmp_path / "b.lrs", row("c[/b]", model="[unk]", query="Why [1]?"))
    done = lrstudio("show", path)
    assert done.status == 0, done.err
    assert "c[/b]" in done.out
    assert "[unk]" in done.out
    assert "Why [1]?" in done.out


def test_what_no_encoding_can_write_is_shown_all_the_same(tmp_path: Path, lrstudio: Run) -> None:
    path = filled(tmp_path / "s.lrs", row("c\ud83d", query="Why \ud800?", answer="Because of \udfff."))
    done = lrstudio("show", path)
    assert done.status == 0, done.err
    assert "c\\ud83d" in done.out
    shown = lrstudio("show", path, "--json").data["questions"][0]
    assert (shown["query"], shown["candidates"][0]["candidate_id"]) == ("Why \ud800?", "c\ud83d")
    lost = lrstudio("decide", path, "--candidate", "\udcff", "--dimension", "helpfulness", "--score", "5")
    assert (lost.status, "no candidate '\\udcff'" in lost.err) == (1, True)


def test_a_project_of_documents_alone_is_not_empty(tmp_path: Path, lrstudio: Run) -> None:
    path = tmp_path / "d.lrs"
    assert lrstudio("new", path).status == 0
    assert "empty" in lrstudio("show", path).out
    (tmp_path / "report.txt").write_text("The board met.")
    assert lrstudio("import", path, tmp_path / "report.txt").out == "imported 1 document\n"
    done = lrstudio("show", path)
    assert done.out.startswith("1 document, 0 questions: import questions")
    (document,) = lrstudio("show", path, "--json").data["documents"]
    assert document == {"document_id": "report", "title": "report", "length": 14, "questions": 0, "candidates": 0}


def test_signs_are_those_of_the_glossary(project: Path, lrstudio: Run) -> None:
    assert lrstudio("judge", project, "--judge", "lexical", "--dimension", "helpfulness").status == 0
    decide = ("decide", project, "--candidate", "a2", "--dimension", "logicality", "--score", "6", "--reviewer", "ann")
    assert lrstudio(*decide).status == 0
    lines = lrstudio("show", project).out.splitlines()
    assert next(line for line in lines if " a1" in line).split() == ["A", "a1", "?", "…", "…", "…", "0/0"]
    assert "6.0✓" in next(line for line in lines if " a2" in line)
    assert lines[-1].endswith("✓ decided by a person; ? unscored, – not checkable, … not checked")


def test_the_project_is_named_in_full_by_every_verb(project: Path, tmp_path: Path, lrstudio: Run) -> None:
    near = os.path.relpath(project)
    out = tmp_path / "out.jsonl"
    for words in (
        ("show", near),
        ("judge", near, "--judge", "scripted"),
        ("import", near, project.with_suffix(".jsonl")),
        ("export", near, out),
        ("decide", near, "--candidate", "a1", "--dimension", "helpfulness", "--score", "5"),
    ):
        done = lrstudio(*words, "--json")
        assert done.status == 0, done.err
        assert done.data["project"] == str(Path(near).absolute())


def test_an_export_of_judgments_is_not_for_import(project: Path, tmp_path: Path, lrstudio: Run) -> None:
    assert lrstudio("judge", project, "--judge", "scripted").status == 0
    out = tmp_path / "judgments.jsonl"
    assert lrstudio("export", project, out, "--what", "judgments").status == 0
    done = lrstudio("import", project, out)
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert "`export` without --what" in done.err


def test_an_import_counts_all_that_a_project_brings(project: Path, tmp_path: Path, lrstudio: Run) -> None:
    assert lrstudio("judge", project, "--judge", "scripted").status == 0
    assert lrstudio("export", project, tmp_path / "out.jsonl").status == 0
    copy = tmp_path / "copy.lrs"
    assert lrstudio("new", copy).status == 0
    said = lrstudio("import", copy, tmp_path / "out.jsonl").out
    assert said == "imported 1 document, 1 question, 2 candidates, 1 judge run, 8 judgments\n"
    again = lrstudio("import", copy, tmp_path / "out.jsonl").out
    assert again.startswith("imported nothing new\nthere already: 1 document")
    assert lrstudio("show", copy, "--json").data["title"] == "Board"


def claims(out: Path, *, run_id: str) -> list[str]:
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    (found,) = [
        [claim["claim_id"] for claim in it["claims"]]
        for it in rows
        if (it["run_id"], it["candidate_id"], it["dimension"]) == (run_id, "a1", "faithfulness")
    ]
    return found


def test_a_decision_is_about_a_run(project: Path, tmp_path: Path, lrstudio: Run) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"name": "s", "claims": {"a1": [{"text": "It raised.", "support": "full"}]}}))
    first = lrstudio("judge", project, "--judge", "scripted", "--script", script, "--json").data["run_id"]
    second = lrstudio("judge", project, "--judge", "lexical", "--json").data["run_id"]
    out = tmp_path / "all.jsonl"
    assert lrstudio("export", project, out, "--what", "judgments", "--all-runs").status == 0
    old, new = claims(out, run_id=first), claims(out, run_id=second)
    assert not set(old) & set(new)
    decide = ("decide", project, "--candidate", "a1", "--dimension", "faithfulness", "--support", "full", "--json")
    decided = lrstudio(*decide, "--claim", new[0])
    assert decided.data["run_id"] == second
    assert lrstudio(*decide, "--claim", old[0]).status == 1, "it is not among the claims that stand"
    assert lrstudio(*decide, "--claim", old[0], "--run", first).data["run_id"] == first
    unknown = lrstudio(*decide, "--claim", old[0], "--run", "x")
    assert (unknown.status, "no judge run 'x'" in unknown.err) == (1, True)
    assert lrstudio("export", project, out, "--what", "decisions").status == 0
    shown = [json.loads(line)["shown"]["run_id"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert shown == [second, first]


_HELD_ELSEWHERE = (
    "INSERT INTO lock VALUES (?, 1, '1', 'boot', 'elsewhere', 'another machine', '2026-01-01', 'token', 'something')"
)


def test_a_lock_from_another_machine_is_taken_over_on_request(project: Path, lrstudio: Run) -> None:
    with closing(sqlite3.connect(project)) as file, file:
        file.execute(_HELD_ELSEWHERE, ("judge",))
    done = lrstudio("judge", project, "--judge", "scripted")
    assert done.status == 1
    assert "`lrstudio judge` with --take-over" in done.err
    assert lrstudio("judge", project, "--judge", "scripted", "--take-over").status == 0
    assert lrstudio("judge", project, "--judge", "scripted").status == 0, "and let go"


def test_a_drawing_from_another_machine_is_taken_over_on_request(project: Path, lrstudio: Run) -> None:
    with closing(sqlite3.connect(project)) as file, file:
        file.execute(_HELD_ELSEWHERE, ("sample",))
    with ChatServer(lambda _: Answer("An answer.")) as server:
        words = ("sample", project, "--all", "--base-url", server.base_url, "--model", "m")
        done = lrstudio(*words)
        assert done.status == 1
        assert "`lrstudio sample` with --take-over" in done.err
        assert lrstudio(*words, "--take-over").status == 0
        assert lrstudio(*words).status == 0, "and let go"


def test_the_key_stays_out_of_the_project(project: Path, lrstudio: Run) -> None:
    def echo(request: Request) -> Answer:
        return Answer(f"bad key {request.headers['authorization']}", status=401)

    with ChatServer(echo) as server:
        words = ("judge", project, "--judge", "http", "--base-url", server.base_url, "--model", "m")
        refused = lrstudio(*words, LRSTUDIO_API_KEY=NOT_A_KEY)
        missing = lrstudio(*words)
    assert (refused.status, missing.status) == (1, 1)
    assert "refuses the API key (from the variable LRSTUDIO_API_KEY)" in refused.err
    assert NOT_A_KEY not in refused.err
    assert "none is set; put one into the variable LRSTUDIO_API_KEY" in missing.err
    for file in project.parent.iterdir():
        assert NOT_A_KEY.encode() not in file.read_bytes(), file.name


def test_a_project_that_cannot_be_written_to_can_be_read(
    project: Path, tmp_path: Path, lrstudio: Run, read_only: ReadOnly
) -> None:
    folder = tmp_path / "shelf"
    folder.mkdir()
    shelved = Path(shutil.copy(project, folder))
    shelf = read_only(folder)
    shown = lrstudio("show", shelved, "--json", read_only=shelf)
    assert shown.status == 0, shown.err
    assert [it["candidate_id"] for it in shown.data["questions"][0]["candidates"]] == ["a1", "a2"]
    assert lrstudio("export", shelved, tmp_path / "out.jsonl", read_only=shelf).status == 0
    for words in (
        ("import", shelved, project.with_suffix(".jsonl")),
        ("judge", shelved, "--judge", "scripted"),
        ("decide", shelved, "--candidate", "a1", "--dimension", "helpfulness", "--score", "5"),
    ):
        done = lrstudio(*words, read_only=shelf)
        assert (done.status, "cannot be written to" in done.err) == (1, True), done.err


def test_a_log_beside_a_project_that_cannot_be_written_to_is_read(
    project: Path, tmp_path: Path, lrstudio: Run, read_only: ReadOnly
) -> None:
    folder = tmp_path / "shelf"
    folder.mkdir()
    with closing(open_project(project)) as opened:
        opened.imports.add_document(title="Late", text="Only in the log.", document_id="late")
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(f"{project}{suffix}", folder)
    shown = lrstudio("show", folder / project.name, "--json", read_only=read_only(folder))
    assert shown.status == 0, shown.err
    assert [it["document_id"] for it in shown.data["documents"]] == ["d", "late"]


@pytest.mark.parametrize("words", [("new", "{f}/new.lrs"), ("tour", "{f}", "--no-screens"), ("tour", "{f}/sub")])
def test_nothing_is_made_where_nothing_can_be(
    tmp_path: Path, lrstudio: Run, read_only: ReadOnly, words: tuple[str, ...]
) -> None:
    folder = tmp_path / "shelf"
    folder.mkdir()
    done = lrstudio(*(word.replace("{f}", str(folder)) for word in words), read_only=read_only(folder))
    assert done.status == 1
    assert "read-only" in done.err or "no permission" in done.err
    assert list(folder.iterdir()) == []


def test_a_tour_into_a_file_is_refused(tmp_path: Path, lrstudio: Run) -> None:
    (tmp_path / "file").write_text("mine")
    done = lrstudio("tour", tmp_path / "file")
    assert (done.status, "a file of this name is in the way" in done.err) == (1, True)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_tour_without_pictures_says_so_and_shows_the_rest(tmp_path: Path, lrstudio: Run) -> None:
    (tmp_path / "screens").write_text("in the way of the pictures")
    done = lrstudio("tour", tmp_path, "--no-training")
    assert done.status == 1
    assert "the window could not be rendered" in done.err
    assert "paraphrases are supported in full" in done.out
    assert str(tmp_path / "harbour-report.lrs") in done.out
    assert (tmp_path / "harbour-report.judgments.jsonl").is_file()


def test_short_help_is_help(lrstudio: Run) -> None:
    assert lrstudio("-h").out == lrstudio("--help").out != ""
