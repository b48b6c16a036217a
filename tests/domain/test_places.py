"""A place is a path or a URL, and a password is never part of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.errors import Refused
from lrstudio.domain.places import DatabaseUrl, place_of, same_place, whereabouts

names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=12)
hosts = st.sampled_from(["db.example.org", "localhost", "10.0.0.7", "::1", "/run/postgresql"])


@given(
    st.builds(
        DatabaseUrl,
        host=hosts,
        port=st.integers(1, 65535),
        database=names,
        user=names,
        sslmode=st.sampled_from(["", "require"]),
        sslrootcert=st.sampled_from(["", "/etc/ssl/a b.pem"]),
    )
)
def test_a_url_reads_back(url):
    assert place_of(str(url)) == url


@pytest.mark.parametrize("text", ["p.lrs", "/a/b.lrs", "a:b", r"C:\x\p.lrs", "./postgresql://x"])
def test_a_path_is_a_path(text):
    assert place_of(text) == Path(text)


def test_what_is_left_out_has_a_default():
    url = place_of("postgresql://ada@db.example.org/work")
    assert url == DatabaseUrl("db.example.org", 5432, "work", "ada")
    assert str(url) == "postgresql+pg8000://ada@db.example.org/work"
    assert place_of("postgres://work.example/x").user  # the name of who is logged in
    assert place_of("postgresql+pg8000://ada@/work").host == "localhost"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("postgresql://ada:hunter2@h/db", "leave the password out"),
        ("postgresql://ada:@h/db", "leave the password out"),
        ("postgresql://ada@h/db?password=hunter2", "leave the password out"),
        ("postgresql+psycopg://ada:hunter2@h/db", "is given as"),
        ("mysql://ada:hunter2@h/db", "is given as"),
        ("postgresql://ada:hunter2@[h/db", "not a URL that can be read"),
        ("postgresql://ada@h:port/db", "not a URL that can be read"),
        ("postgresql://ada@h", "names no database"),
        ("postgresql://ada@h/a/b", "names no database"),
        ("postgresql://ada@h/db?sslmode=prefer", "sslmode is one of"),
        ("postgresql://ada@h/db?hunter=2", "unknown: hunter"),
    ],
)
def test_what_cannot_be_is_said_without_repeating_it(text, says):
    with pytest.raises(Refused, match=says) as refused:
        place_of(text)
    assert "hunter2" not in str(refused.value)


def test_this_machine_is_trusted_and_another_must_prove_itself():
    def mode(text: str) -> str:
        return place_of(text).encryption

    assert mode("postgresql://a@localhost/x") == mode("postgresql://a@/x?host=/run/pg") == "disable"
    assert mode("postgresql://a@db.example.org/x") == "verify-full"
    assert mode("postgresql://a@db.example.org/x?sslmode=require") == "require"


def test_the_same_project_in_other_words(tmp_path):
    one, other = place_of("postgresql://a@h/x"), place_of("postgres://b@h:5432/x?sslmode=require")
    assert same_place(one, other)
    assert not same_place(one, place_of("postgresql://a@h/y"))
    assert same_place(tmp_path / "p", tmp_path / "q" / ".." / "p")
    assert not same_place(one, tmp_path)
    assert (whereabouts(one), whereabouts(tmp_path / "p")) == ("h", str(tmp_path))
