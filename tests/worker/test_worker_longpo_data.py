"""LongPO's data: passages that cover the document, filters that count, the same rows after a kill, and a whole run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")
pytest.importorskip("peft", reason="peft is not installed: the extra `train` brings it")

from lrstudio.domain.errors import Refused  # noqa: E402
from lrstudio.training import wire  # noqa: E402
from lrstudio.training.folder import RunFolder  # noqa: E402
from lrstudio.training.recipes import recipe  # noqa: E402
from lrstudio.training.rows import Row, line_of, rows_of  # noqa: E402
from lrstudio.training.spool import Spool  # noqa: E402
from lrstudio.worker import loading, longpo_data, sources  # noqa: E402
from lrstudio.worker.longpo_data import DataJob  # noqa: E402
from lrstudio.worker.tiny import tiny_model  # noqa: E402
from tests.doubles.ready_workers import worker  # noqa: E402

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft's
OPTIONS: dict[str, Any] = {
    "dtype": "fp32", "data": "self", "chunk_tokens": 40, "answer_tokens": 8, "accumulation": 1, "epochs": 1.0,
    "merged": False, "check_count": 0, "lora_r": 4, "answer_temperature": 0.0, "data_turns": 2,
}  # fmt: skip
PARAGRAPH = "The harbour of {} was dredged in {}, and forty tons of mud were carried out to sea by night."


def document(number: int) -> str:
    return "\n\n".join(PARAGRAPH.format(f"Town{number}x{it}", 1900 + it) for it in range(6))


def rows() -> list[Row]:
    made = [
        Row(row_id=f"d{it}", prompt=f"{document(it)}\n\nWhat was dredged?", chosen="a", rejected="b") for it in range(3)
    ]
    short = Row(row_id="brief", prompt="A line.\n\nWhat?", chosen="a", rejected="b")
    again = Row(row_id="again", prompt=f"{document(0)}\n\nBy whom?", chosen="a", rejected="b")
    return [*made, short, again]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with strong opinions, which says many different things."""
    folder = tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    model = loading.load_model(folder, recipe("dpo").settle({"method": "full"}))
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights *= 4
    model.save_pretrained(folder)
    return folder


def run_of(path: Path, model: Path, given: list[Row] | None = None, **options: Any) -> RunFolder:
    spec = wire.Spec(
        run_id=path.name, recipe="longpo", model=str(model), command=(sys.executable, "-m", "lrstudio.worker"),
        options=OPTIONS | options, threads=1,
    )  # fmt: skip
    return RunFolder.create(path, spec, pairs=[line_of(row) for row in given or rows()])


def job_of(run: RunFolder, *, go_on: Callable[[], bool] = lambda: True) -> DataJob:
    options = recipe("longpo").settle(run.spec().options)
    folder = Path(run.spec().model)
    model, tokenizer = loading.load_model(folder, options), loading.load_tokenizer(folder)
    return DataJob(run.path, options, model, tokenizer, Spool(run.path, attempt=1), go_on, nullcontext)


def test_passages_keep_paragraphs_whole_and_stay_within_their_size(tiny: Path) -> None:
    tokenizer = loading.load_tokenizer(tiny)
    text = document(1)
    for size in (40, 64, 100):
        found = longpo_data.chunks(text, tokenizer, size=size)
        assert len(found) >= 2
        assert all(len(tokenizer(it, add_special_tokens=False)["input_ids"]) <= size for it in found)
        places = [text.index(it) for it in found]
        assert places == sorted(places)
        for (place, one), after in zip(zip(places, found, strict=True), places[1:], strict=False):
            assert text[place + len(one) : after].strip() == "", "nothing between two passages is lost"
    whole = longpo_data.chunks(text, tokenizer, size=64)
    assert any(it.endswith("by night.") for it in whole)
    assert longpo_data.chunks("", tokenizer, size=10) == []
    assert longpo_data.chunks("short", tokenizer, size=1000) == []


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("1. **What was dredged in 1911?**\n2. And when?", "What was dredged in 1911?"),
        ("Question: Who carried the mud?", "Who carried the mud?"),
        ('\n\n"Which harbour was it, again?"', "Which harbour was it, again?"),
        ("一九一一年疏浚了哪个港口？", "一九一一年疏浚了哪个港口？"),
        ("Why?", None),
        ("", None),
        ("1.\n", None),
    ],
)
def test_a_question_is_freed_of_what_stands_around_it(said: str, question: str | None) -> None:
    assert longpo_data.question_in(said) == question


@pytest.mark.parametrize(
    ("text", "tokens", "problem"),
    [
        ("The harbour was dredged.", range(9), ""),
        ("", (), "empty"),
        ("12 ok", range(3), "empty"),
        ("I'm sorry, but that is unclear.", range(9), "refusals"),
        ("The document does not mention any harbour.", range(9), "refusals"),
        ("The cost is not specified in the report.", range(9), "refusals"),
        ("文中没有提到这个港口的名字。", range(9), "refusals"),
        ("The captain said he was not able to see the mud.", range(9), ""),
        ("mud and mud and mud", [7] * 30, "repetitive"),
    ],
)
def test_useless_answers_are_named(text: str, tokens: Any, problem: str) -> None:
    assert longpo_data.wrong_with(text, list(tokens), most_repeated=0.9) == problem


def test_a_job_makes_turns_with_their_passages_and_counts_what_it_leaves_out(tiny: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", tiny)
    assert job_of(run).make()
    made = list(rows_of(run.path / sources.FOLDER / sources.PAIRS))
    counts = json.loads((run.path / sources.FOLDER / longpo_data.COUNTS).read_text())
    assert counts["documents"] == 4, "the same document comes once"
    assert counts["short_documents"] == 1
    assert counts["questions"] == 6 == sum(counts.get(it, 0) for it in (
        "turns", "no_question", "empty", "refusals", "repetitive", "same_answers"))  # fmt: skip
    assert counts["turns"] == sum(1 + len(row.turns) for row in made) > 0
    for row in made:
        text = document(int(row.row_id[1:]))
        question = row.prompt.removeprefix(f"{text}\n\n")
        assert row.prompt.startswith(text)
        for passage, asked in [(row.short, question), *((it.short, it.question) for it in row.turns)]:
            assert passage.endswith(f"\n\n{asked}")
            assert passage.removesuffix(f"\n\n{asked}") in text
        assert row.chosen != row.rejected
    said = (run.spool(1)).read_text()
    assert "documents with fewer than two passages" in said
    assert not (run.path / sources.FOLDER / longpo_data.PARTS).exists()


def test_a_job_that_is_stopped_goes_on_to_the_same_rows(tiny: Path, tmp_path: Path) -> None:
    whole, broken = (run_of(tmp_path / it, tiny, rows()[:2]) for it in ("whole", "broken"))
    assert job_of(whole).make()
    parts = broken.path / sources.FOLDER / longpo_data.PARTS

    def done() -> int:
        return len(list(parts.glob("*.json")))

    for stop in (0, 1):
        assert not job_of(broken, go_on=lambda stop=stop: done() < stop).make()  # type: ignore[misc]
        assert done() == stop
    assert job_of(broken).make()
    name = Path(sources.FOLDER) / sources.PAIRS
    assert (broken.path / name).read_bytes() == (whole.path / name).read_bytes()


def test_documents_that_are_all_too_short_are_refused_with_the_count(tiny: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", tiny, rows()[3:4])
    with pytest.raises(
        Refused, match="made no pair: 0 pairs in 0 conversations from 1 documents; left out: 1 documents"
    ):
        job_of(run).make()


def test_a_run_makes_its_data_and_trains_on_them(tiny: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", tiny)
    with worker(run, 1) as process:
        assert process.wait() == 0, (run.path / wire.LOG).read_text()[-3000:]
    made = list(rows_of(run.path / sources.FOLDER / sources.PAIRS))
    said = [json.loads(line) for line in run.spool(1).read_text(encoding="ascii").splitlines()]
    metrics = [it["metrics"] for it in said if it["kind"] == "metric"]
    assert len(metrics) == len(made)
    assert all(it["loss/nll"] > 0 and it["loss/preference"] > 0 for it in metrics)
    assert "made by the model, short documents: 1" in (run.path / "result" / "card.md").read_text()


def test_before_the_data_are_made_each_document_stands_for_its_rows(tiny: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", tiny)
    options = recipe("longpo").settle(run.spec().options)
    found = list(sources.source_rows(run.path, "longpo", options))
    assert [(row.row_id, row.short) for row in found] == [
        ("d0", "What was dredged?"), ("d1", "What was dredged?"), ("d2", "What was dredged?"), ("brief", "What?"),
    ]  # fmt: skip
    assert list(sources.source_rows(run.path, "longpo", {**options, "data": "set"})) == rows()


def test_two_questions_of_several_paragraphs_leave_one_document(tiny: Path, tmp_path: Path) -> None:
    asked = ["Read this first.\n\nWhat was dredged?", "What was dredged?"]
    given = [
        Row(row_id=f"q{at}", prompt=f"{document(0)}\n\n{it}", chosen="c", rejected="r", question=it)
        for at, it in enumerate(asked)
    ]
    run = run_of(tmp_path / "run", tiny, given)
    options = recipe("longpo").settle(run.spec().options)
    (found,) = sources.source_rows(run.path, "longpo", options)
    assert (found.row_id, found.short) == ("q0", asked[0])
