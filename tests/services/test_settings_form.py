"""Settings as they are typed: what is wrong is said field by field, what is right becomes settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.services.settings import HttpSettings, ModelPrice
from lrstudio.services.settings_form import HttpForm, form_of, problems_of, settings_of

HTTP = HttpSettings(
    base_url="https://judge.example/v1",
    model="m",
    concurrency=4,
    timeout=30.0,
    input_price=1.5,
    requests_per_minute=60,
    tokens_per_minute=9_000,
    proxy="http://proxy.example:3128",
    headers=(("X-Team", "audit"), ("X-Key", "$GATEWAY_KEY")),
    serve="vllm serve {model}",
    prices=(ModelPrice("m", 0.12345678, 1.25), ModelPrice("free", 0.0, 0.0)),
    retrieval="fusion",
    embedding_model="e",
    embedding_base_url="http://127.0.0.1:8/v1",
)


def test_what_stands_is_right_and_comes_back_as_it_is() -> None:
    assert problems_of(form_of(HTTP)) == ()
    assert settings_of(form_of(HTTP), HTTP) == HTTP
    assert settings_of(form_of(HTTP), HttpSettings(serve=HTTP.serve)) == HTTP


@pytest.mark.parametrize(
    ("form", "field", "row", "said"),
    [
        (HttpForm(base_url="judge.example/v1"), "base_url", None, "https://judge.example/v1"),
        (HttpForm(embedding_base_url="ftp://x"), "embedding_base_url", None, "ftp://x"),
        (HttpForm(proxy="proxy:99999"), "proxy", None, "proxy:99999"),
        (HttpForm(proxy="http://proxy.example:0"), "proxy", None, "looks like"),
        (HttpForm(input_price="cheap"), "input_price", None, "'cheap'"),
        (HttpForm(output_price="-1"), "output_price", None, "'-1'"),
        (HttpForm(prices=(("m", "1", "2"), ("", "1", "2"))), "prices", 1, "Row 2 has a price but no model"),
        (HttpForm(prices=(("m", "1", "2"), ("m", "1", "2"))), "prices", 1, "twice"),
        (HttpForm(prices=(("m", "1", "nan"),)), "prices", 0, "output: 'nan' is no price"),
        (HttpForm(prices=(("m", "", "1"),)), "prices", 0, "input: there is no price"),
        (HttpForm(headers=(("X Team", "a"),)), "headers", 0, "no name of a header"),
        (HttpForm(headers=(("X-A", "1"), ("x-a", "2"))), "headers", 1, "twice"),
        (HttpForm(headers=(("X-A", "a\nb"),)), "headers", 0, "printable"),
        (HttpForm(ca_file="/nowhere/ca.pem"), "ca_file", None, "There is no file"),
    ],
)
def test_what_is_wrong_is_named(form: HttpForm, field: str, row: int | None, said: str) -> None:
    (problem,) = problems_of(form)
    assert (problem.field, problem.row) == (field, row)
    assert said in problem.sentence


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("no certificate")
    (problem,) = problems_of(HttpForm(ca_file=str(path)))
    assert "ca.pem holds no certificates" in problem.sentence


def test_every_problem_is_named_at_once() -> None:
    form = HttpForm(base_url="x", prices=(("", "a", "b"),), headers=(("", "v"),))
    assert [it.field for it in problems_of(form)] == ["base_url", "prices", "prices", "prices", "headers"]


def test_empty_rows_and_commas_are_taken_as_meant() -> None:
    form = replace(form_of(HTTP), prices=(("m", "0,12345678", " 1.25 "), ("free", "0", "0"), ("", "", " ")))
    assert problems_of(form) == ()
    assert settings_of(form, HTTP) == HTTP


@given(st.text(max_size=20), st.text(max_size=12))
def test_whatever_is_typed_is_refused_or_makes_settings(price: str, name: str) -> None:
    form = HttpForm(prices=(("m", price, "1"),), headers=((name, "v"),), proxy=name, input_price=price)
    if not problems_of(form):
        http = settings_of(form, HttpSettings())
        assert all(it.input >= 0 for it in http.prices)
        assert problems_of(form_of(http)) == ()
