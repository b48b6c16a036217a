from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import lrstudio
from lrstudio.domain.places import Place
from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.store.store import Store
from tests.doubles.backends import BOTH
from tests.doubles.postgres_server import PostgresServer


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What a store promises is asked of a file and of a server, save where a test looks into the file past the store.

    A module that says `FILES_ONLY` is about files.
    """
    promises = not getattr(metafunc.module, "FILES_ONLY", False)
    if "backend" in metafunc.fixturenames and promises and not {"sql", "counts"} & set(metafunc.fixturenames):
        metafunc.parametrize("backend", BOTH, indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "sqlite")


@pytest.fixture
def place(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Place]:
    """Return where a new project may go."""
    if backend == "sqlite":
        return lambda name: tmp_path / name
    server = request.getfixturevalue("postgres")
    return lambda _name: server.new_database()


@pytest.fixture(scope="session")
def _empty(_postgres: PostgresServer) -> str:
    """The name of a database with a project that nobody has open: to copy it costs half of making one."""
    url = _postgres.new_database()
    Store.create(url).close()
    return url.database


@pytest.fixture
def make_store(
    place: Callable[[str], Place], backend: str, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Store]]:
    """Make a project with a document, a question and candidates c1..cN; every store is closed at the end."""
    opened: list[Store] = []

    def new(name: str, options: dict[str, Any]) -> Store:
        if backend == "sqlite" or options:
            return Store.create(place(name), **options)
        copied = f'TEMPLATE "{request.getfixturevalue("_empty")}" STRATEGY file_copy'
        return Store.open(request.getfixturevalue("postgres").new_database(options=copied))

    def make(name: str = "p.lrs", *, candidates: int = 2, **options: Any) -> Store:
        store = new(name, options)
        opened.append(store)
        with store.writing():
            store.library.add_document(Document("d", "A text of one line.\n"))
            store.library.add_question(Question("q", "d", "What is it?"))
            for number in range(1, candidates + 1):
                store.library.add_candidate(Candidate(f"c{number}", "q", f"answer {number}", "m"))
        return store

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(make_store: Callable[..., Store]) -> Store:
    return make_store()


@pytest.fixture
def sql() -> Callable[..., list[tuple[Any, ...]]]:
    """Run one statement on the file past the store."""

    def run(path: Path, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    return run


@pytest.fixture
def counts() -> Callable[[Store], SimpleNamespace]:
    """Count what a project holds, past the store and in one transaction."""
    tables = {"documents": "document", "texts": "document_text", "questions": "question", "candidates": "candidate"}
    tables |= {"judge_runs": "judge_run", "judgments": "judgment", "decisions": "decision"}

    def count(store: Store) -> SimpleNamespace:
        columns = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables.values())
        with closing(sqlite3.connect(store.path)) as connection:
            return SimpleNamespace(**dict(zip(tables, connection.execute(f"SELECT {columns}").fetchone(), strict=True)))

    return count


@pytest.fixture
def start_child() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start Python on a program text, with the same lrstudio; whatever still runs at the end is killed."""
    children: list[subprocess.Popen[str]] = []
    env = os.environ | {"PYTHONPATH": str(Path(lrstudio.__file__).parents[1])}

    def start(program: str, *arguments: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, *map(str, arguments)]
        child = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        children.append(child)
        return child

    yield start
    for child in children:
        if child.poll() is None:
            child.kill()
        child.communicate()
