"""The project as pandas frames: columns and types as promised, values as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from lrstudio.domain.decisions import Target
from lrstudio.domain.verdicts import Dimension
from lrstudio.services import create_project, open_project
from lrstudio.services.frame_columns import COLUMNS
from lrstudio.services.frames import Frames
from lrstudio.services.wiring import create_sample_project

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frames") / "sample.lrs"
    project = create_sample_project(path, reviewer="ann")
    candidate = project.audit.questions()[0].candidates[0].candidate_id
    project.decisions.set_score(Target(candidate, Dimension.LOGICALITY), 2.5, blind=True)
    project.decisions.set_score(Target(candidate, Dimension.HELPFULNESS), 1.0)
    project.decisions.undo()
    project.close()
    return path


def types(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(kind) for name, kind in frame.dtypes.items()}


def promised(name: str) -> dict[str, str]:
    return {column: str(pd.array([], dtype=kind).dtype) for column, kind in COLUMNS[name].items()}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_and_types_are_as_promised_with_rows_and_without(name: str, sample: Path, tmp_path: Path) -> None:
    with open_project(sample).frames() as frames:
        assert types(getattr(frames, name)) == promised(name)
    with create_project(tmp_path / "empty.lrs").frames() as frames:
        empty = getattr(frames, name)
        assert (types(empty), len(empty)) == (promised(name), 0)


def test_the_handbook_names_every_frame_and_column() -> None:
    page = (ROOT / "resources" / "handbook" / "frames.md").read_text("utf-8")
    told = {
        name: re.findall(r"`(\w+)`", columns) for name, columns in re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.M)
    }
    assert told == {name: list(columns) for name, columns in COLUMNS.items()}


def test_values_are_those_that_stand(sample: Path) -> None:
    project = open_project(sample)
    questions = project.audit.questions()
    with project.frames() as frames:
        assert list(frames.questions["question_id"]) == [it.question_id for it in questions]
        standing = {
            (candidate.candidate_id, dimension.value): it.score
            for question in questions
            for candidate in question.candidates
            for dimension, it in candidate.dimensions.items()
        }
        read = frames.effective
        told = zip(read["candidate_id"], read["dimension"], read["score"], strict=True)
        assert {(c, d): None if pd.isna(s) else s for c, d, s in told} == standing
        assert len(frames.candidates) == len(frames.rewards) == len(standing) / 4
        claims = frames.claims.merge(frames.candidates[["candidate_id", "text"]], on="candidate_id")
        placed = claims[claims["start"].notna()]
        assert len(placed) > 0
        assert (placed["start"] < placed["end"]).all()
        assert frames.judgments["claims"].sum() == len(frames.claims)
        assert frames.judgments["key_points"].sum() == len(frames.key_points)


def test_the_journal_says_what_is_in_force(sample: Path) -> None:
    with open_project(sample).frames() as frames:
        journal = frames.decisions
    assert list(journal["act"]) == ["override", "override", "undo"]
    assert list(journal["in_force"]) == [True, False, False]
    assert list(journal["blind"]) == [True, False, False]
    assert journal["score"][0] == 2.5


def test_a_text_with_a_lone_surrogate_is_a_text(tmp_path: Path) -> None:
    project = create_project(tmp_path / "p.lrs")
    document = project.imports.add_document(title="t", text="Text.").id
    question = project.imports.add_question(document_id=document, query="q").id
    project.imports.add_candidate(question_id=question, text="odd \ud800 one")
    with project.frames() as frames:
        assert frames.candidates["text"][0] == "odd \ud800 one"
        assert frames.text(document) == "Text."


def test_frames_are_read_when_asked_for_and_stay(sample: Path, tmp_path: Path) -> None:
    project = create_project(tmp_path / "p.lrs")
    frames = project.frames()
    project.imports.add_document(title="t", text="Text.")
    assert len(frames.documents) == 1
    project.imports.add_document(title="u", text="More.")
    assert len(frames.documents) == 1
    assert isinstance(frames, Frames)
    frames.close()
    assert len(frames.documents) == 1


def test_the_services_do_not_load_pandas_before_a_frame_is_read() -> None:
    words = "import sys, lrstudio.services, lrstudio.services.frames; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "False"
