"""Vectors: kept once for each space and text, and there after the file was closed."""

from __future__ import annotations

from collections.abc import Callable

from lrstudio.store.store import Store


def test_vectors_are_kept_by_space_and_text(make_store: Callable[..., Store]) -> None:
    store = make_store()
    many = {f"{n:064x}": bytes([n % 256]) * 8 for n in range(1234)}
    store.vectors.save("one", many)
    store.vectors.save("two", {"0" * 64: b"other"})
    store.vectors.save("one", {})
    with Store.open(store.path) as again:
        assert again.vectors.load("one", [*many, "f" * 64]) == many
        assert again.vectors.load("two", list(many)) == {"0" * 64: b"other"}
        assert again.vectors.load("one", []) == {}


def test_the_first_vector_of_a_text_stays(make_store: Callable[..., Store]) -> None:
    store = make_store()
    store.vectors.save("s", {"a": b"first"})
    store.vectors.save("s", {"a": b"second", "b": b"new"})
    assert store.vectors.load("s", ["a", "b"]) == {"a": b"first", "b": b"new"}


def test_the_mark_of_a_document_is_listed(make_store: Callable[..., Store]) -> None:
    store = make_store()
    assert [info.local_only for info in store.library.documents()] == [False]
    store.library.set_local_only("d", True)
    assert [info.local_only for info in store.library.documents()] == [True]
    assert store.library.document("d", with_text=False).local_only
