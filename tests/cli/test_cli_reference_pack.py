"""`lrstudio judge --prompts` with a pack of the LongReward repository's shape, and what comes out of the project."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lrstudio.text.resources import resource
from tests.doubles.chat_server import Answer, ChatServer, Request

REFERENCE = Path(__file__).parents[1] / "data" / "prompts" / "reference-shape"
ANSWER = "The crane was mended by Ines Moor. The channel is nine fathoms deep."


def replies(request: Request) -> Answer:
    opening = request.prompt[:6]
    if opening == "请检查回答自":
        return Answer("Out of ten: [[11]]")
    if opening == "把回答拆成一":
        return Answer("<statement>Ines Moor mended the crane.</statement><statement>It is deep.</statement>")
    if opening == "下面有一句话":
        return Answer("[[Fully supported]]" if "句子：Ines" in request.prompt else "[[Who knows]]")
    if opening == "Copy o":
        return Answer("1. Ines Moor mended the crane.")
    return Answer("[[6]]")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(replies) as running:
        yield running


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def project(lrstudio: Callable[..., Any], tmp_path: Path) -> Path:
    answers = tmp_path / "answers.jsonl"
    row = {
        "document_id": "quay",
        "document_text": "Ines Moor mended the crane in the third week. The channel is nine fathoms deep.",
        "query": "Who mended the crane?",
        "candidates": [{"id": "a1", "model": "m", "text": ANSWER}],
    }
    answers.write_text(json.dumps(row) + "\n", encoding="utf-8")
    path = tmp_path / "p.lrs"
    assert lrstudio("new", path).status == 0
    assert lrstudio("import", path, answers).status == 0
    return path


def test_both_scores_are_stored_exported_and_imported_again(
    lrstudio: Callable[..., Any], tmp_path: Path, project: Path, server: ChatServer
) -> None:
    words = ("judge", project, "--judge", "http", "--base-url", server.base_url, "--model", "judge", "--json")
    tokenizer = tmp_path / "mine.json"
    tokenizer.write_bytes(resource("tokenizer", "lrstudio-bpe.json").read_bytes())
    said = lrstudio(*words, "--prompts", REFERENCE, "--tokenizer", tokenizer).data
    assert said["prompt_pack"].startswith("reference@")
    assert said["tokenizer"].startswith("mine@")
    assert said["calls"] == len(server.requests) == 7
    copy, out = tmp_path / "copy.lrs", tmp_path / "whole.jsonl"
    assert lrstudio("export", project, out).status == 0
    assert lrstudio("new", copy).status == 0
    assert lrstudio("import", copy, out).status == 0
    for path in (project, copy):
        exported = tmp_path / f"{path.stem}.jsonl"
        assert lrstudio("export", path, exported, "--what", "judgments").status == 0
        by_dimension = {row["dimension"]: row for row in rows(exported)}
        assert {
            name: (row["score"], row["reference_score"], row["reference_note"]) for name, row in by_dimension.items()
        } == {
            "helpfulness": (6.0, 6.0, ""),
            "logicality": (None, 11.0, "out of range, taken for 11"),
            "faithfulness": (10.0, 5.0, "claim 2: unreadable, taken for none"),
            "completeness": (6.0, 6.0, ""),
        }
        claims = by_dimension["faithfulness"]["claims"]
        assert [(claim["support"], claim["reference_support"]) for claim in claims] == [(1.0, 1.0), (None, 0.0)]


def test_the_settings_name_pack_and_tokenizer_for_the_http_judge_alone(
    lrstudio: Callable[..., Any], tmp_path: Path, project: Path, server: ChatServer, isolated_home: Path
) -> None:
    profile = isolated_home / "profile"
    profile.mkdir(parents=True, exist_ok=True)
    settings = f'[http]\nprompts = "{REFERENCE.as_posix()}"\ntokenizer = "nobody/none"\n'
    (profile / "settings.toml").write_text(settings, encoding="utf-8")
    words = ("judge", project, "--base-url", server.base_url, "--model", "judge")
    refused = lrstudio(*words, "--judge", "http")
    assert refused.status == 1
    assert "tokenizer nobody/none" in refused.err
    assert "nobody/none" not in lrstudio(*words, "--judge", "lexical").err
    mended = settings.replace('"nobody/none"', '""')
    (profile / "settings.toml").write_text(mended, encoding="utf-8")
    assert lrstudio(*words, "--judge", "http", "--json").data["prompt_pack"].startswith("reference@")


def test_a_folder_that_is_no_pack_is_refused(
    lrstudio: Callable[..., Any], tmp_path: Path, project: Path, server: ChatServer
) -> None:
    words = ("judge", project, "--judge", "http", "--base-url", server.base_url, "--model", "judge")
    refused = lrstudio(*words, "--prompts", tmp_path)
    assert refused.status == 1
    assert "helpfulness_few_shot.txt" in refused.err
    assert not server.requests
