"""What other programs wrote, read from small files in their formats (see tests/data/formats/NOTICE.md)."""

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrstudio.domain.errors import Refused
from lrstudio.formats.detect import detect, read
from lrstudio.formats.records import (
    FormatName,
    ImportedCandidate,
    ImportedDecision,
    ImportedDocument,
    ImportedJudgment,
    ImportedPair,
    ImportedQuestion,
    ImportItem,
    RowError,
)
from lrstudio.formats.shapes import shape_of

DATA = Path(__file__).parents[1] / "data" / "formats"
GOOD, BAD = "Seaward of the e", "There were two r"
ASKED = ["document 2198", "question What were the tw"]
REEF = "question Name a reef near"


def told(items: Iterable[ImportItem]) -> list[str]:
    """Say of each item what tells it from another, candidates by how they begin."""
    begins: dict[str, str] = {}
    return [_told(item, begins) for item in items]


def _told(item: ImportItem, begins: dict[str, str]) -> str:
    match item:
        case ImportedDocument():
            return f"document {len(item.document.text or '')}"
        case ImportedQuestion():
            return f"question {item.query[:16]}" + (
                f" answers {len(item.reference_answers)}" * bool(item.reference_answers)
            )
        case ImportedCandidate():
            begins[item.candidate_id] = item.text[:16]
            return " ".join(["candidate", item.text[:16], item.model]).strip()
        case ImportedJudgment():
            score = item.reason.value if item.score is None else f"{item.score:g}"
            parts = f" claims {len(item.claims)}" * bool(item.claims) + f" points {len(item.key_points)}" * bool(
                item.key_points
            )
            judge = f"{item.judge} {item.model}".strip()
            return f"judgment {begins[item.candidate_id]} {item.dimension.letter} {score} by {judge}{parts}"
        case ImportedDecision():
            words = f"decision {begins[item.candidate_id]} {item.dimension.letter} {item.score:g} by {item.reviewer}"
            return words + f" at {item.time[:10]}" * bool(item.time) + " blind" * item.blind
        case ImportedPair():
            words = f"pair {begins[item.chosen_id]} over {begins[item.rejected_id]}"
            return (
                words
                + f" by {item.reviewer}" * bool(item.reviewer)
                + f" margin {item.margin}" * (item.margin is not None)
            )
        case RowError():
            return f"error {item.sentence}"


SIDES = [f"candidate {GOOD}", f"candidate {BAD}"]
PAIR = [*ASKED, *SIDES, f"pair {GOOD} over {BAD}"]
EXPECTED: dict[str, list[str]] = {
    "trl-explicit.jsonl": [
        *PAIR,
        REEF,
        "candidate The Great Bratt.",
        "candidate The Old Quay.",
        "pair The Great Bratt. over The Old Quay.",
    ],
    "trl-implicit.jsonl": [
        *ASKED,
        "candidate There were two.",
        f"candidate {BAD}",
        f"pair There were two.  over {BAD}",
    ],
    "trl-chat.jsonl": [
        *PAIR[:-1],
        f"pair {GOOD} over {BAD} margin 5.5",
        "question Be brief.\n\nuser:",
        "candidate The Great Bratt.",
        "candidate None.",
        "pair The Great Bratt. over None.",
    ],
    "trl-chat-implicit.jsonl": PAIR,
    "longreward-10k.jsonl": [ASKED[0], f"{ASKED[1]} answers 1", *PAIR],
    "ultrafeedback.jsonl": [
        REEF,
        "candidate The Great Bratt. model-a",
        "judgment The Great Bratt. H 10 by ultrafeedback gpt-4",
        "candidate The Old Quay. model-b",
        "judgment The Old Quay. H 2.5 by ultrafeedback gpt-4",
        "candidate I do not know. model-c",
    ],
    "helpsteer.jsonl": [
        REEF,
        "candidate The Great Bratt.",
        "decision The Great Bratt. H 10 by people of HelpSteer blind",
        "decision The Great Bratt. L 7.5 by people of HelpSteer blind",
        REEF,
        "candidate The Old Quay.",
        "decision The Old Quay. H 0 by people of HelpSteer blind",
        "decision The Old Quay. L 10 by people of HelpSteer blind",
    ],
    "label-studio.json": [
        *ASKED,
        f"candidate {GOOD} model-a",
        f"decision {GOOD} H 10 by edith@example.org at 2026-03-02",
        f"decision {GOOD} F 8.5 by edith@example.org at 2026-03-02",
        f"judgment {GOOD} F 7 by label-studio judge-1",
        *ASKED,
        *reversed(SIDES),
        f"pair {GOOD} over {BAD} by Label Studio 9",
    ],
    "argilla.json": [
        *ASKED,
        f"candidate {GOOD} model-a",
        f"decision {GOOD} H 7.5 by Argilla u-1",
        f"decision {GOOD} H 10 by Argilla u-2",
        f"judgment {GOOD} C 2.5 by argilla judge-1",
        *ASKED,
        *reversed(SIDES),
        f"pair {GOOD} over {BAD} by Argilla u-1",
        f"pair {GOOD} over {BAD} by Argilla u-2",
    ],
    "inspect.json": [
        ASKED[0],
        f"{ASKED[1]} answers 1",
        f"candidate {GOOD} provider/model-a",
        f"judgment {GOOD} F 8 by inspect faithfulness",
        f"judgment {GOOD} H 9 by inspect rubric",
        ASKED[0],
        f"{ASKED[1]} answers 1",
        f"candidate {BAD} provider/model-a",
        f"judgment {BAD} F 1 by inspect faithfulness",
        f"decision {BAD} F 5 by edith at 2026-03-04",
        f"judgment {BAD} H 9 by inspect rubric",
        "error the sample has no answer: RuntimeError('out of memory')",
        "error the scores of 'match' were left out: it names none of the four dimensions",
    ],
    "inspect-popularity.json": [
        "question Is the following answers 1",
        "candidate No ollama/llama3.1",
        "error the scores of 'match' were left out: it names none of the four dimensions",
    ],
    "longreward/scored_responses.jsonl": [
        "document 0",
        ASKED[1],
        f"candidate {GOOD}",
        f"judgment {GOOD} H 9 by longreward",
        f"judgment {GOOD} L 9 by longreward",
        f"judgment {GOOD} F 10 by longreward claims 2",
        f"judgment {GOOD} C 8 by longreward points 1",
        "document 0",
        ASKED[1],
        f"candidate {BAD}",
        f"judgment {BAD} H 4 by longreward",
        f"judgment {BAD} L out_of_range by longreward",
        f"judgment {BAD} F 0 by longreward claims 2",
        f"judgment {BAD} C 2 by longreward points 1",
    ],
    "longreward/preference_pairs.jsonl": PAIR,
}


def rows(name: str) -> list[Any]:
    text = (DATA / name).read_text(encoding="utf-8")
    return list(json.loads(text)) if name.endswith(".json") else [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", EXPECTED)
def test_every_file_says_what_it_says(name: str) -> None:
    assert told(read(DATA / name)) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_every_file_is_small(name: str) -> None:
    assert (DATA / name).stat().st_size <= 20_000


def test_a_prompt_goes_apart_into_the_same_document_and_question_whatever_the_format() -> None:
    names = [name for name in EXPECTED if EXPECTED[name][:1] == ASKED[:1]]
    found = {
        (item.document.text, item.document.document_id)
        for name in names
        for item in read(DATA / name)
        if isinstance(item, ImportedDocument) and item.document.document_id.startswith("doc-")
    }
    assert len(names) >= 9
    assert len(found) == 1


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    for name in (
        "trl-explicit.jsonl",
        "trl-chat.jsonl",
        "longreward-10k.jsonl",
        "helpsteer.jsonl",
        "ultrafeedback.jsonl",
    ):
        path = tmp_path / f"{name}.parquet"
        parquet.write_table(pa.Table.from_pylist(rows(name)), path)
        assert told(read(path)) == EXPECTED[name]


def test_an_archive_of_a_log_is_read_sample_by_sample(tmp_path: Path) -> None:
    log = json.loads((DATA / "inspect.json").read_text(encoding="utf-8"))
    samples = log.pop("samples")
    path = tmp_path / "log.eval"
    for header in ("header.json", "_journal/start.json"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(header, json.dumps(log))
            for sample in samples:
                archive.writestr(f"samples/{sample['id']}_epoch_1.json", json.dumps(sample))
        assert detect(path) is FormatName.INSPECT
        assert told(read(path)) == EXPECTED["inspect.json"]


@pytest.mark.parametrize(
    ("values", "scores"),
    [((0.2, 1.0), [2.0, 10.0]), ((1, 7.5), [1.0, 7.5]), (("C", "P"), [10.0, 5.0]), ((True, False), [10.0, 0.0])],
)
def test_the_scale_of_a_scorer_is_that_of_the_whole_log(
    tmp_path: Path, values: tuple[Any, Any], scores: list[float]
) -> None:
    log = json.loads((DATA / "inspect.json").read_text(encoding="utf-8"))
    log["samples"] = log["samples"][:2]
    for sample, value in zip(log["samples"], values, strict=True):
        sample["scores"] = {"faithfulness": {"value": value}}
    path = tmp_path / "log.json"
    path.write_text(json.dumps(log, indent=1))
    assert [item.score for item in read(path) if isinstance(item, ImportedJudgment)] == scores


def test_a_log_on_another_scale_is_not_guessed_at(tmp_path: Path) -> None:
    log = json.loads((DATA / "inspect.json").read_text(encoding="utf-8"))
    log["samples"] = log["samples"][:1]
    log["samples"][0]["scores"] = {"faithfulness": {"value": 85}}
    path = tmp_path / "log.json"
    path.write_text(json.dumps(log))
    assert told(read(path)) == ["error the score of 'faithfulness' is 85; in this log it is neither on 0-1 nor on 0-10"]


def changed(name: str, number: int, **fields: Any) -> dict[str, Any]:
    row = dict(rows(name)[number])
    for field, value in fields.items():
        if value is None:
            row.pop(field, None)
        else:
            row[field] = value
    return row


REFUSED: list[tuple[dict[str, Any], str]] = [
    (changed("trl-explicit.jsonl", 1, chosen=""), "chosen is empty"),
    (changed("trl-explicit.jsonl", 1, chosen="The Old Quay."), "chosen and rejected are the same text"),
    (changed("trl-explicit.jsonl", 1, chosen=3), "chosen must be text or a list of messages, not a number"),
    (changed("trl-explicit.jsonl", 1, prompt=" "), "the prompt is empty"),
    (changed("trl-explicit.jsonl", 1, prompt=None), "begin with no prompt in common"),
    (changed("trl-explicit.jsonl", 1, prompt=["x"]), "prompt must be text as chosen and rejected are, not a list"),
    (changed("trl-chat.jsonl", 0, chosen=[{"role": "assistant"}]), "chosen has a message without text"),
    (changed("trl-chat.jsonl", 0, prompt=None), "begin with no message in common"),
    (changed("trl-chat.jsonl", 0, score_chosen="high"), "score_chosen must be a number, not 'high'"),
    (changed("longreward-10k.jsonl", 1, lose_response="none"), "lose_response is missing"),
    (changed("longreward-10k.jsonl", 0, answer="none"), "neither an answer nor a pair"),
    (changed("longreward-10k.jsonl", 0, context=" "), "context is empty"),
    (changed("longreward/scored_responses.jsonl", 0, idx=7), "idx is '7'; a sample has"),
    (changed("longreward/scored_responses.jsonl", 0, scores=[1]), "scores must be an object, not a list"),
    (
        changed("longreward/scored_responses.jsonl", 0, scores={"helpfulness": "NaN"}),
        "scores.helpfulness must be a number",
    ),
    (changed("ultrafeedback.jsonl", 0, completions=[]), "completions is empty"),
    (changed("ultrafeedback.jsonl", 0, completions=["x"]), "completions must be a list of objects"),
    (changed("ultrafeedback.jsonl", 0, instruction=7), "instruction must be text, not a number"),
    (changed("helpsteer.jsonl", 0, coherence=5), "coherence is 5; it is 0 to 4"),
    (changed("helpsteer.jsonl", 0, response=""), "response is empty"),
    (changed("label-studio.json", 0, data={"answer": "x"}), "the question is missing: no field is named any of query"),
    (
        changed("label-studio.json", 0, data={"question": "x"}),
        "the answer is missing: no field is named any of response",
    ),
    (
        changed("argilla.json", 0, responses={"helpfulness": [{"value": 7}]}),
        "helpfulness is 7, and ratings are read on a",
    ),
    (
        changed("argilla.json", 1, responses={"helpfulness": [{"value": 3}]}),
        "there are two answers that it could be of",
    ),
]


@pytest.mark.parametrize(("row", "sentence"), REFUSED, ids=[sentence[:30] for _, sentence in REFUSED])
def test_a_bad_row_is_left_out_whole_and_says_why(tmp_path: Path, row: dict[str, Any], sentence: str) -> None:
    good = rows("trl-explicit.jsonl")[1]
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n" + json.dumps(good))
    first, *rest = read(path)
    assert isinstance(first, RowError)
    assert first.where == "rows.jsonl row 1"
    assert sentence in first.sentence
    assert told(rest) == EXPECTED["trl-explicit.jsonl"][5:]


def test_a_person_who_names_fields_is_believed(tmp_path: Path) -> None:
    from lrstudio.formats.records import Mapping

    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(rows("helpsteer.jsonl")[0]))
    mapping = Mapping(query="prompt", candidate="response")
    assert told(read(path, mapping=mapping)) == [REEF, "candidate The Great Bratt."]


@pytest.mark.parametrize(
    "content",
    ['{"version": 2, "status": "success"}', '{"version": 2, "status": "a", "eval": 7}', '{"version": 2, "status": "'],
)
def test_a_log_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "log.json"
    path.write_text(content)
    with pytest.raises(Refused) as caught:
        list(read(path))
    assert caught.value.where == "log.json"


def test_a_damaged_archive_names_the_sample(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps({"eval": {"run_id": "r"}}))
        archive.writestr("samples/1_epoch_1.json", "{")
    with pytest.raises(Refused, match="damaged") as caught:
        list(read(path))
    assert caught.value.where == "log.eval samples/1_epoch_1.json"


def test_plain_rows_have_no_shape() -> None:
    for row in ({"query": "q", "answer": "a", "idx": 1}, {"prompt": "p", "completion": "c"}, [], "text", None):
        assert shape_of(row) is None


@pytest.mark.parametrize("name", [name for name in EXPECTED if not name.startswith("inspect")])
def test_every_row_of_every_file_has_a_shape_of_its_own(name: str) -> None:
    assert len({shape.name for row in rows(name) if (shape := shape_of(row))}) == 1


# ---- any row at all


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["none", "\ud800", 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """Draw a row of one of the files with a field, however deep, put in place of which is anything."""
    name = draw(st.sampled_from([name for name in EXPECTED if not name.startswith("inspect-")]))
    content = json.loads((DATA / name).read_text(encoding="utf-8")) if name == "inspect.json" else rows(name)[0]
    here = content
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        key = draw(st.sampled_from(keys))
        inner = here[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.integers(0, 3)) == 0:
            here[key] = draw(VALUES)
            return name, content
        here = inner


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(row=damaged())
def test_no_row_stops_an_import(tmp_path: Path, row: tuple[str, Any]) -> None:
    name, content = row
    path = tmp_path / ("log.json" if name == "inspect.json" else "rows.jsonl")
    path.write_text(json.dumps(content, indent=1 if name == "inspect.json" else None))
    try:
        found = list(read(path))
    except Refused as error:
        refused = error.where
        found = []
    else:
        refused = ""
    assert refused in ("", "log.json")
    for item in found:
        if isinstance(item, ImportedCandidate):
            assert item.text.strip()
        if isinstance(item, ImportedJudgment | ImportedDecision) and item.score is not None:
            assert 0.0 <= item.score <= 10.0
        if isinstance(item, ImportedPair):
            assert item.chosen_id != item.rejected_id
