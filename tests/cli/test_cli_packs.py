"""`lrstudio packs`, run as a person runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.chat_server import ChatServer
from tests.doubles.labelled import DOCUMENTS, labelled_project, policy

OURS = "longreward-studio"


def test_list_copy_check_diff_and_show(lrstudio, isolated_home: Path) -> None:  # type: ignore[no-untyped-def]
    made = lrstudio("packs", "copy", OURS, "mine", "--json").data
    folder = Path(made["folder"])
    assert folder == isolated_home / "profile" / "prompts" / "mine"
    assert [it["name"] for it in lrstudio("packs", "list", "--json").data["packs"]] == [OURS, "mine"]
    assert lrstudio("packs", "check", "mine").out == f"{made['version']} can be used\n"

    claims = folder / "claims.md"
    claims.write_text(claims.read_text(encoding="utf-8").replace("<<answer>>", "<<reply>>"), encoding="utf-8")
    bad = lrstudio("packs", "check", "mine", "--json")
    assert (bad.status, [(it["file"], it["blocks"]) for it in bad.data["problems"]]) == (1, [("claims.md", True)] * 2)
    assert "<<reply>>" in bad.err
    assert "claims.md line " in bad.err
    listed = lrstudio("packs", "list").out
    assert "unusable" in listed

    claims.write_text("<<question>> <<answer>>\n", encoding="utf-8")
    changed = lrstudio("packs", "diff", made["version"], "mine", "--json").data["files"]
    assert [it["file"] for it in changed] == ["claims.md"]
    assert changed[0]["lines"][-1] == "+<<question>> <<answer>>"
    assert lrstudio("packs", "diff", "mine", "mine").out == "no difference\n"
    assert "# Task: claims" in lrstudio("packs", "show", made["version"]).out
    shown = lrstudio("packs", "show", "mine", "--json").data["templates"]
    assert {it["file"]: it["text"] for it in shown}["claims.md"] == "<<question>> <<answer>>\n"

    back = lrstudio("packs", "restore", made["version"])
    assert back.out.startswith(made["version"])
    assert len(lrstudio("packs", "list", "--json").data["packs"][1]["versions"]) == 2
    assert lrstudio("packs", "restore", "mine").status == 2

    refused = lrstudio("packs", "copy", "mine", "MINE")
    assert (refused.status, "already" in refused.err) == (1, True)


def test_a_trial_is_planned_and_run(lrstudio, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with ChatServer(policy) as server:
        path = tmp_path / "p.lrs"
        labelled_project(path, server).close()
        folder = Path(lrstudio("packs", "copy", OURS, "mine", "--project", path, "--json").data["folder"])
        assert folder == tmp_path / "p.prompts" / "mine"
        with (folder / "support.md").open("a", encoding="utf-8") as file:
            file.write("Be STRICT.\n")
        words = ["packs", "try", path, "--after", "mine", "--base-url", server.base_url, "--model", "judge"]
        words += ["--part", "all", "--dimension", "faithfulness", "--json"]
        so_far = len(server.requests)
        ahead = lrstudio(*words, "--plan").data
        assert (ahead["calls"], ahead["outstanding"]["before"]) == (3 * DOCUMENTS, {})
        assert len(server.requests) == so_far
        done = lrstudio(*words)
        assert (done.status, len(server.requests) - so_far) == (0, 3 * DOCUMENTS)
        (row,) = done.data["comparisons"]
        assert (row["parts"]["mended"], row["parts"]["spoilt"]) == (2 * DOCUMENTS, DOCUMENTS // 4)
        assert row["parts"]["balanced_accuracy"][2][0] == pytest.approx((2 + 3 / 4) / 3 - 1 / 3)
        said = lrstudio(*words[:-1]).out
        assert f"{2 * DOCUMENTS} mended, {DOCUMENTS // 4} spoilt (McNemar p < 0.001)" in said
        kept = lrstudio("packs", "list", "--project", path, "--json").data["packs"][1]["versions"]
        assert next((it["version"], it["note"]) for it in kept) == (done.data["runs"]["after"]["prompt_pack"], "tried")
        uses = {it["version"]: it for it in lrstudio("packs", "list", "--project", path, "--json").data["uses"]}
        assert uses[done.data["runs"]["after"]["prompt_pack"]]["trials"] == 2
        assert uses[done.data["runs"]["after"]["prompt_pack"]]["judgments"] == 0

        wrong = lrstudio(*words, "--limit", "3")
        assert wrong.status == 2
        same = lrstudio(*words[:3], "--after", OURS, *words[5:])
        assert (same.status, "change something" in same.err) == (1, True)
