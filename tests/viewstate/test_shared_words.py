"""The form for a shared project: the place its fields name, and the sentences it says."""

from __future__ import annotations

import pytest

from lrstudio.domain.errors import Refused
from lrstudio.domain.places import Answered, DatabaseUrl, login, place_of
from lrstudio.viewstate.shared_words import Typed, answer_words, encryption_words, typed_of, typed_place


def test_the_fields_name_a_place_and_show_it_again() -> None:
    place = DatabaseUrl("db.example.org", 6000, "au/dit", "ann", "verify-full", "/etc/own.pem")
    assert typed_place(typed_of(place)) == place
    assert typed_place(Typed(host=" db ", database=" audit ", user="ann")) == DatabaseUrl("db", 5432, "audit", "ann")


def test_what_is_left_empty_is_filled_in() -> None:
    assert typed_place(Typed(database="audit")) == DatabaseUrl("localhost", 5432, "audit", login())


def test_a_url_says_all_of_it() -> None:
    url = "postgresql+pg8000://ann@db.example.org:6000/audit?sslmode=require"
    assert typed_place(Typed(host=f" {url} ", database="other")) == place_of(url)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (Typed(host="db"), "name the database"),
        (Typed(host="postgresql://ann:hunter2@db/audit"), "leave the password out"),
        (Typed(host="https://db/audit"), "given as"),
    ],
)
def test_what_names_no_place_is_refused_without_repeating_a_secret(typed: Typed, said: str) -> None:
    with pytest.raises(Refused, match=said) as caught:
        typed_place(typed)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (Typed(), "the server is this machine"),
        (Typed(host="/var/run/postgresql"), "the server is this machine"),
        (Typed(host="db.example.org"), "prove that it is db.example.org"),
        (Typed(host="db.example.org", sslmode="require"), "nobody asks who answers"),
        (Typed(host="db.example.org", sslmode="disable"), "read and changed on the way"),
        (Typed(sslmode="verify-full"), "prove that it is localhost"),
    ],
)
def test_the_encryption_in_force_is_said(typed: Typed, said: str) -> None:
    assert said in encryption_words(typed)


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (Answered("Harbours", 20, encrypted=True), "It answers, encrypted: the project “Harbours” is there. Open it."),
        (Answered("", 20, encrypted=False), "It answers, not encrypted: a project is there. Open it."),
        (Answered(None, 2, encrypted=True), "It answers, encrypted, but the database holds 2 other tables"),
        (Answered(None, 0, encrypted=True), "the database is empty. Create makes a project in it."),
    ],
)
def test_what_a_server_answers_is_said(answered: Answered, said: str) -> None:
    assert said in answer_words(answered)
