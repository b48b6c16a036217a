"""The main job on a shared database, by several people, with the real command; a file beside it says what is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lrstudio.domain.places import DatabaseUrl
from tests.doubles.postgres_server import PASSWORD, PostgresServer

pytestmark = pytest.mark.server("postgresql")

ROWS = [
    {
        "document_id": "board",
        "document_text": "The board met in March 1871. It raised a loan of £150,000 at four per cent.",
        "query": "What did the board do?",
        "candidates": [
            {"id": "a1", "model": "m1", "text": "The board met in March 1871. It raised a loan of £150,000."},
            {"id": "a2", "model": "m2", "text": "It raised a loan of £180,000. Whales \u0000 sang all night \ud800."},
        ],
    },
    {
        "document_id": "Zoo",
        "document_text": None,
        "query": "Wer weiß?",
        "candidates": [{"id": "ä", "text": "Niemand."}],
    },
]


@pytest.fixture
def shared(postgres: PostgresServer) -> DatabaseUrl:
    return postgres.new_database()


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return path


def test_a_shared_project_is_exported_as_its_file_is(shared, rows, tmp_path, lrstudio):
    first = tmp_path / "first.jsonl"
    seed = tmp_path / "seed.lrs"
    for words in (("new", seed, "--title", "Board"), ("import", seed, rows), ("judge", seed, "--judge", "lexical")):
        assert lrstudio(*words).status == 0
    lrstudio("export", seed, first)
    claim = _claims(seed, tmp_path, lrstudio)[0]
    exports = []
    for number, place in enumerate((tmp_path / "file.lrs", shared)):
        assert lrstudio("new", place, "--title", "Board").status == 0
        done = lrstudio("import", place, first, "--json")
        assert done.status == 0, done.err
        assert done.data["project"] == str(place)
        decide = ("decide", place, "--candidate", "a2", "--dimension", "faithfulness", "--claim", claim)
        done = lrstudio(*decide, "--support", "full", "--reason", "so it is \u0001", "--reviewer", "ann", "--json")
        assert done.status == 0, done.err
        assert (done.data["reviewer"], done.data["decision_id"]) == ("ann", 1)
        whole, decisions = tmp_path / f"{number}.jsonl", tmp_path / f"{number}.decisions.jsonl"
        assert lrstudio("export", place, whole).status == 0
        assert lrstudio("export", place, decisions, "--what", "decisions").status == 0
        time = json.loads(decisions.read_text())["time"]
        exports.append([path.read_bytes().replace(time.encode(), b"THEN") for path in (whole, decisions)])
        exports[-1].append(lrstudio("show", place).out.encode())
    assert exports[0] == exports[1]
    assert b"THEN" in exports[0][0]


def test_the_whole_job_runs_on_a_server(shared, rows, tmp_path, lrstudio):
    assert lrstudio("new", shared).status == 0
    assert lrstudio("import", shared, rows).status == 0
    judged = lrstudio("judge", shared, "--judge", "lexical", "--json")
    assert judged.status == 0, judged.err
    assert judged.data["candidates"] == 3
    again = lrstudio("judge", shared, "--judge", "scripted", "--json")
    assert again.data["run_id"] != judged.data["run_id"]
    assert "a2" in lrstudio("show", shared).out
    assert lrstudio("consent", shared, "--local-only", "--json").data["local_only"] is True
    out = tmp_path / "judgments.jsonl"
    assert lrstudio("export", shared, out, "--what", "judgments", "--all-runs", "--json").data["rows"] == 24


def test_a_password_never_shows(postgres, shared, lrstudio, tmp_path, monkeypatch):
    over_network = postgres.url(shared.database, host="127.0.0.1")
    with_password = str(over_network).replace("ada@", "ada:hunter2@")
    refused = lrstudio("new", with_password)
    assert refused.status == 2
    assert "leave the password out" in " ".join(refused.err.split())
    assert "hunter2" not in refused.err + refused.out

    wrong = lrstudio("new", over_network, PGPASSWORD="hunter2")
    assert wrong.status == 1
    assert "does not let this user in" in wrong.err
    assert "hunter2" not in wrong.err

    assert "PGPASSWORD" in lrstudio("new", over_network).err
    made = lrstudio("new", over_network, PGPASSWORD=PASSWORD)
    assert made.status == 0, made.err
    assert PASSWORD not in made.out + made.err

    kept = tmp_path / "passwords"
    line = f"127.0.0.1:{over_network.port}:*:ada:{PASSWORD}".replace("\\", "\\\\")
    kept.write_text(f"# mine\nelsewhere:*:*:*:no\n{line}\n")
    kept.chmod(0o644)
    assert "chmod 600" in lrstudio("show", over_network, PGPASSFILE=str(kept)).err
    kept.chmod(0o600)
    assert lrstudio("show", over_network, PGPASSFILE=str(kept)).status == 0


def test_what_is_wrong_with_a_database_is_a_sentence(postgres, shared, lrstudio):
    assert "there is no project in this database" in lrstudio("show", shared).err
    assert "no database of this name" in lrstudio("new", postgres.url("nowhere")).err
    assert "no PostgreSQL server answers" in lrstudio("show", "postgresql://ada@127.0.0.1:1/x").err
    assert lrstudio("new", shared).status == 0
    assert "a project in this database already" in lrstudio("new", shared).err
    postgres.run("CREATE TABLE mine (a int)", on=(other := postgres.new_database()))
    assert "holds other tables (mine)" in lrstudio("new", other).err
    assert (
        "encoding UTF8"
        in lrstudio(
            "new",
            postgres.new_database(
                options="TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
            ),
        ).err
    )
    refused = lrstudio("show", "mysql://x/y")
    assert refused.status == 2
    encrypted = postgres.url(shared.database, host="127.0.0.1", sslmode="verify-full")
    assert "takes no encrypted connections" in lrstudio("show", encrypted, PGPASSWORD=PASSWORD).err


def _claims(place, folder: Path, lrstudio) -> list[str]:
    out = folder / "claims.jsonl"
    assert lrstudio("export", place, out, "--what", "judgments").status == 0
    found = [json.loads(line) for line in out.read_text().splitlines()]
    row = next(it for it in found if (it["candidate_id"], it["dimension"]) == ("a2", "faithfulness"))
    return [claim["claim_id"] for claim in row["claims"]]
