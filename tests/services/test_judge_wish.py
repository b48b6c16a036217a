"""What is filled in before a judge run becomes a request, and is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension
from lrstudio.services.judge_wish import JudgeWish, at_address, remember, request_of
from lrstudio.services.settings import HttpSettings, JudgeSettings, ModelPrice, Settings, SettingsStore
from lrstudio.services.wiring import Project, create_project

HTTP = HttpSettings(base_url="http://127.0.0.1:9/v1", model="m", prices=(ModelPrice("m", 1.0, 3.0),))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = create_project(tmp_path / "p.lrs", reviewer="ada")
    for number in range(2):
        question = made.imports.add_question(document_id=None, query=f"Why {number}?")
        for answer in ("Because.", "Just so."):
            made.imports.add_candidate(question_id=question.id, text=f"{answer} {number}", model="x")
    yield made
    made.close()


def test_a_wish_for_a_model_is_the_request_of_the_settings_and_the_form(project: Project) -> None:
    wish = JudgeWish("http", http=HTTP, samples=3, limit=5, spend_limit=0.5, key="k")
    request = request_of(wish, project.audit)
    assert (request.base_url, request.model, request.samples, request.limit) == (HTTP.base_url, "m", 3, 5)
    assert (request.spend_limit, request.input_price, request.output_price) == (0.5, 1.0, 3.0)
    assert request.api_key is not None
    assert request.api_key.value == "k"
    assert request.candidate_ids is None


def test_nought_is_no_limit(project: Project) -> None:
    request = request_of(JudgeWish("http", http=HTTP), project.audit)
    assert request.limit is None
    assert request.spend_limit is None


def test_the_candidates_of_the_question_on_screen(project: Project) -> None:
    second = project.audit.questions()[1]
    wish = JudgeWish(scope="question", question_id=second.question_id)
    assert request_of(wish, project.audit).candidate_ids == tuple(it.candidate_id for it in second.candidates)
    one = JudgeWish(scope="candidate", candidate_id=second.candidates[0].candidate_id)
    assert request_of(one, project.audit).candidate_ids == (second.candidates[0].candidate_id,)


def test_a_served_model_takes_the_place_of_the_address(project: Project) -> None:
    wish = JudgeWish("http", http=replace(HTTP, serve="vllm serve {model}"), served=True)
    request = request_of(wish, project.audit)
    assert (request.serve, request.base_url) == ("vllm serve {model}", "")
    asked = request_of(replace(wish, served=False), project.audit)
    assert (asked.serve, asked.base_url) == ("", HTTP.base_url), "a command of the settings starts nothing by itself"


@pytest.mark.parametrize(
    ("wish", "where"),
    [
        (JudgeWish(dimensions=()), "Dimensions"),
        (JudgeWish("http"), "Base URL"),
        (JudgeWish("http", http=HttpSettings(base_url="http://x/v1")), "Model"),
        (JudgeWish("http", http=HTTP, served=True), "Command"),
    ],
)
def test_what_is_missing_is_named(project: Project, wish: JudgeWish, where: str) -> None:
    with pytest.raises(Refused) as caught:
        request_of(wish, project.audit)
    assert caught.value.where == where


def test_what_was_asked_for_is_remembered_and_read_back(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    http = replace(HTTP, retrieval="fusion", embedding_model="e", embedding_base_url="http://127.0.0.1:8/v1")
    wish = JudgeWish("http", dimensions=(Dimension.LOGICALITY,), http=http, samples=2, limit=7, spend_limit=1.5)
    store.save(remember(wish, Settings("ada")))
    found = store.load()
    assert found.http == http
    assert found.judge == JudgeSettings("http", ("logicality",), 2, 7, 1.5, False)
    store.save(remember(JudgeWish("lexical", limit=3), found))
    assert store.load().judge == replace(found.judge, judge="lexical", limit=3)
    assert store.load().http == http


def test_the_price_of_a_model_comes_before_that_of_any_other() -> None:
    http = replace(HTTP, input_price=9.0, output_price=0.0)
    assert http.price_of("m") == (1.0, 3.0)
    assert http.price_of("other") == (9.0, None)
    assert HttpSettings().price_of("m") == (None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[http.prices]\nm = "cheap"', "http.prices.m must be"),
        ("[http.prices.m]\ninput = 1.0", "http.prices.m must be"),
        ("[http.prices.m]\ninput = -1.0\noutput = 1", "http.prices.m must be"),
        ("[judge]\ndimensions = 3", "list of texts"),
        ("[judge]\nsamples = 1.5", "judge.samples must be int"),
    ],
)
def test_a_bad_table_in_the_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(Refused, match=said):
        SettingsStore(tmp_path).load()


def test_headers_stay_with_the_host_that_they_were_set_for(project: Project) -> None:
    secret = replace(HTTP, base_url="https://gateway.example/v1", headers=(("X-Key", "s3cret-s3cret"),))
    moved = at_address(secret, "https://other.example/v1")
    request = request_of(JudgeWish("http", http=moved), project.audit)
    assert request.transport.headers_to("https://other.example/v1") == {}
    assert request.transport.headers_to("https://gateway.example/v1") == {"X-Key": "s3cret-s3cret"}
    back = at_address(moved, "https://gateway.example/v2")
    assert request_of(JudgeWish("http", http=back), project.audit).transport.headers_to(back.base_url) == {
        "X-Key": "s3cret-s3cret"
    }
    same = at_address(secret, "https://gateway.example/v2")
    assert same.headers == secret.headers
    served = request_of(JudgeWish("http", http=replace(secret, serve="x {port}"), served=True), project.audit)
    assert served.transport.headers_to("http://127.0.0.1:8/v1") == {}


def test_an_embedding_model_of_the_table_has_its_price() -> None:
    http = replace(HTTP, prices=(ModelPrice("e", 0.1, 0.0),), embedding_price=0.5)
    assert http.embedding_price_of("e") == 0.1
    assert http.embedding_price_of("f") == 0.5
    assert HttpSettings().embedding_price_of("") is None
