"""Imports into a real project: ids, repeats, conflicts, hand-made entries, and whole projects."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lrstudio.domain.decisions import Target
from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension
from lrstudio.services.import_report import Counts
from lrstudio.services.wiring import Project, create_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = create_project(tmp_path / "p.lrs", reviewer="ann")
    yield made
    made.close()


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def row(document_id: str, text: str | None, query: str, *candidates: tuple[str, str]) -> dict[str, Any]:
    made = [{"id": name, "model": "m", "text": answer} for name, answer in candidates]
    return {"document_id": document_id, "document_text": text, "query": query, "candidates": made}


def test_questions_are_numbered_by_first_appearance(project: Project, tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.jsonl",
        row("d", "Text.", "first?", ("a", "1")),
        row("d", None, "second?", ("b", "2")),
        row("d", None, "first?", ("c", "3")),
    )
    report = project.imports.import_paths([path])
    assert (report.new, report.errors) == (Counts(1, 2, 3), ())
    questions = project.audit.questions()
    assert [(it.question_id, [c.candidate_id for c in it.candidates]) for it in questions] == [
        ("d#1", ["a", "c"]),
        ("d#2", ["b"]),
    ]
    again = project.imports.import_paths([path])
    assert (again.new, again.same, again.errors) == (Counts(), Counts(1, 2, 3), ())


def test_text_from_json_is_kept_to_the_last_character(project: Project, tmp_path: Path) -> None:
    odd = "a\r\nb\u00a0c\U0001f600\u2028d\ufeff \u0000e"
    project.imports.import_paths([write(tmp_path / "r.jsonl", row("d", odd, "q", ("a", odd)))])
    assert project.audit.document_text("d") == odd
    assert project.audit.candidate("a").candidate.text == odd


def test_two_ids_with_one_text_keep_both(project: Project, tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", row("d1", "Same.", "q", ("a", "1")), row("d2", "Same.", "q", ("b", "2")))
    assert project.imports.import_paths([path]).new == Counts(2, 2, 2)
    assert project.audit.document_text("d1") == project.audit.document_text("d2") == "Same."


def test_a_document_file_first_and_its_questions_later(project: Project, tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text("# Report\n\nThe text.", encoding="utf-8")
    path = write(tmp_path / "r.jsonl", row("report", None, "q", ("a", "1")))
    project.imports.import_paths([tmp_path / "report.md", path])
    detail = project.audit.candidate("a")
    assert detail.document is not None
    assert (detail.document.title, detail.document.length) == ("Report", len("# Report\n\nThe text."))


def test_a_conflict_is_named_and_nothing_lands_on_the_wrong_text(project: Project, tmp_path: Path) -> None:
    project.imports.import_paths([write(tmp_path / "r.jsonl", row("d", "One.", "q", ("a", "1")))])
    path = write(tmp_path / "s.jsonl", row("d", "Other.", "q", ("b", "2")), row("e", "Fine.", "q", ("c", "3")))
    report = project.imports.import_paths([path])
    assert [str(error) for error in report.errors] == [
        "s.jsonl row 1: document id 'd' already names a different text in this project"
    ]
    assert report.new == Counts(1, 1, 1)
    path = write(tmp_path / "t.jsonl", row("d", None, "q", ("a", "another answer"), ("z", "kept")))
    report = project.imports.import_paths([path])
    assert "candidate id 'a'" in str(report.errors[0])
    assert report.new.candidates == 1


def test_what_names_a_refused_document_is_left_out_with_it(project: Project, tmp_path: Path) -> None:
    project.imports.import_paths([write(tmp_path / "r.jsonl", row("d", "One.", "q", ("a", "1")))])
    path = write(
        tmp_path / "s.jsonl",
        row("d", "Other.", "q", ("b", "2")),
        row("d", "Other.", "q2", ("c", "3")),
        row("d", None, "q", ("e", "4")),
    )
    report = project.imports.import_paths([path])
    assert [error.where for error in report.errors] == ["s.jsonl row 1", "s.jsonl row 2", "s.jsonl row 3"]
    assert report.new == Counts()
    assert [len(question.candidates) for question in project.audit.questions()] == [1]


def test_two_longreward_folders_with_one_index_do_not_mix(project: Project, tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        base = {"idx": 0, "query": f"query {name}", "answer": "ref"}
        write(tmp_path / name / "sft.jsonl", {**base, "context": f"Context {name}."})
        write(tmp_path / name / "sampled_responses.jsonl", {**base, "idx": f"0-{name}", "answer": f"answer {name}"})
    report = project.imports.import_paths([tmp_path / "x", tmp_path / "y"])
    assert report.new == Counts(1, 1, 1)
    assert len(report.errors) == 2
    assert [it.candidate_id for it in project.audit.questions()[0].candidates] == ["0-x"]


def test_a_refused_row_of_one_file_drops_nothing_of_another_of_that_name(project: Project, tmp_path: Path) -> None:
    paths = []
    for folder, text in (("x", "One."), ("y", "Other."), ("z", "Third.")):
        (tmp_path / folder).mkdir()
        name = "d" if folder != "z" else "e"
        paths.append(write(tmp_path / folder / "rows.jsonl", row(name, text, "q", (f"a{folder}", "1"))))
    report = project.imports.import_paths(paths)
    assert report.new == Counts(2, 2, 2)
    assert len(report.errors) == 1


def test_equal_document_and_query_are_one_question_in_any_order(tmp_path: Path) -> None:
    numbered, given = row("d", "Text.", "q", ("a", "1")), {**row("d", None, "q", ("b", "2")), "question_id": "Q7"}
    for order, name in (((numbered, given), "d#1"), (({**given, "document_text": "Text."}, {**numbered}), "Q7")):
        project = create_project(tmp_path / f"{name}.lrs")
        report = project.imports.import_paths([write(tmp_path / "r.jsonl", *order)])
        assert (report.new, report.errors) == (Counts(1, 1, 2), ())
        assert [it.question_id for it in project.audit.questions()] == [name]
        project.close()


def test_numbering_passes_over_ids_that_files_gave(project: Project, tmp_path: Path) -> None:
    first = {**row("d", "Text.", "q", ("a", "1")), "question_id": "d#2"}
    report = project.imports.import_paths([write(tmp_path / "r.jsonl", first, row("d", None, "other", ("b", "2")))])
    assert report.errors == ()
    assert [it.question_id for it in project.audit.questions()] == ["d#2", "d#3"]
    taken = project.imports.add_candidate(question_id="d#2", text="x").id
    project.imports.import_paths([write(tmp_path / "s.jsonl", row("d", None, "other", ("d#2-2", "3")))])
    assert project.imports.add_candidate(question_id="d#2", text="y").id not in (taken, "d#2-2")


def test_a_batch_never_ends_inside_a_row(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", *(row(f"d{n}", f"Text {n}.", "q", (f"a{n}", "1")) for n in range(400)))
    project = create_project(tmp_path / "p.lrs")
    seen: list[int] = []
    report = project.imports.import_paths([path], progress=seen.append)
    assert report.new == Counts(400, 400, 400)
    assert seen[0] == 501, "500 items and the rest of their row"
    project.close()


def test_undo_and_progress_of_a_run_travel_with_a_project(project: Project, tmp_path: Path) -> None:
    project.imports.import_paths([write(tmp_path / "r.jsonl", row("d", "Text.", "q", ("a", "1"), ("b", "2")))])
    target = Target("a", Dimension.HELPFULNESS)
    project.decisions.set_score(target, 3)
    out = tmp_path / "out.jsonl"
    project.exports.export(out)
    other = create_project(tmp_path / "o.lrs", reviewer="bob")
    other.imports.import_paths([out])
    project.decisions.undo()
    project.decisions.set_score(target, 7)
    project.exports.export(out)
    report = other.imports.import_paths([out])
    assert (report.new.decisions, report.same.decisions) == (2, 1)
    assert other.audit.candidate("a").standings[Dimension.HELPFULNESS].score.score == 7.0
    assert other.imports.import_paths([out]).new == Counts()
    other.decisions.undo()
    assert other.audit.candidate("a").standings[Dimension.HELPFULNESS].score.score == 7.0, "another reviewer's"
    other.close()


def test_a_file_that_breaks_off_keeps_what_came_before(project: Project, tmp_path: Path) -> None:
    good = write(tmp_path / "good.jsonl", row("d", "Text.", "q", ("a", "1")))
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7 nothing")
    report = project.imports.import_paths([tmp_path / "bad.pdf", tmp_path / "none.txt", good])
    assert report.new == Counts(1, 1, 1)
    assert [error.where.rpartition("/")[2] for error in report.errors] == ["bad.pdf", "none.txt"]


def test_columns_are_mapped(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("source,ask,out\nThe text.,Why?,Because.\n", encoding="utf-8")
    report = project.imports.import_paths([path], columns={"document": "source", "query": "ask", "candidate": "out"})
    assert (report.new, report.errors) == (Counts(1, 1, 1), ())
    with pytest.raises(Refused, match="unknown role 'colour'"):
        project.imports.import_paths([path], columns={"colour": "x"})


def test_documents_questions_and_answers_by_hand(project: Project) -> None:
    document = project.imports.add_document(title="Pasted", text="Some text.")
    assert project.imports.add_document(title="Pasted", text="Some text.").id == document.id
    question = project.imports.add_question(document_id=document.id, query="Why?")
    assert project.imports.add_question(document_id=document.id, query="Why?").id == question.id
    answers = [project.imports.add_candidate(question_id=question.id, text="Because.", model="me").id for _ in range(2)]
    assert len(set(answers)) == 2
    assert [it.label for it in project.audit.questions()[0].candidates] == ["A", "B"]
    lone = project.imports.add_question(document_id=None, query="No document?")
    assert project.audit.questions()[1].document_id is None
    assert lone.id == "no-document#1"
    for attempt in (
        lambda: project.imports.add_document(title="", text=" "),
        lambda: project.imports.add_question(document_id=None, query=""),
        lambda: project.imports.add_candidate(question_id=question.id, text=" "),
        lambda: project.imports.add_candidate(question_id="nope", text="x"),
    ):
        with pytest.raises(Refused):
            attempt()


def test_a_folder_may_hold_the_open_project_itself(project: Project, tmp_path: Path) -> None:
    write(tmp_path / "r.jsonl", row("d", "Text.", "q", ("a", "1")))
    report = project.imports.import_paths([tmp_path])
    assert (report.new, report.errors) == (Counts(1, 1, 1), ())
    for chosen in ("auto", "txt"):
        named = project.imports.import_paths([project.path], file_format=chosen)
        assert [error.sentence for error in named.errors] == ["this is a project; open it instead"]
    # another process that opens and closes the file must not think itself alone with it
    words = [sys.executable, "-m", "lrstudio", "show", str(project.path)]
    subprocess.run(words, check=True, capture_output=True)
    assert project.path.with_name("p.lrs-wal").exists(), "the log of the open project was thrown away"
    project.decisions.set_score(Target("a", Dimension.HELPFULNESS), 5)


def test_a_broken_project_file_leaves_nothing_behind(project: Project, tmp_path: Path) -> None:
    project.imports.import_paths([write(tmp_path / "r.jsonl", row("d", "Text.", "q", ("a", "1")))])
    out = tmp_path / "out.jsonl"
    assert project.exports.export(out) == 3
    lines = out.read_text(encoding="utf-8").splitlines()
    out.write_text("\n".join([*lines[:-1], '{"kind": "candidate", "candidate_id": 3}']), encoding="utf-8")
    other = create_project(tmp_path / "o.lrs")
    report = other.imports.import_paths([out])
    assert report.new == Counts()
    assert "out.jsonl line 4" in report.errors[0].where
    assert other.audit.questions() == ()
    other.close()


def test_longreward_files_import_as_they_are(project: Project, eval_data: Path) -> None:
    report = project.imports.import_paths([eval_data / "longreward"])
    assert (report.new, report.errors) == (Counts(1, 1, 10), ())
    (question,) = project.audit.questions()
    assert (question.question_id, question.document_id) == ("11", "11")
    assert sorted(it.candidate_id for it in question.candidates) == [f"11-{n}" for n in range(10)]
    text = project.audit.document_text("11")
    assert text is not None
    assert len(text) == 40889
