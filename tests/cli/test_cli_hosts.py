"""`lrstudio hosts` with the real command, and a real OpenSSH server where one is installed."""

from __future__ import annotations

import sys

import pytest


def test_hosts_are_added_changed_listed_and_removed(lrstudio):
    assert lrstudio("hosts", "list").out == "no host yet; lrstudio hosts add\n"
    words = ("--scheduler", "slurm", "--option", "gpus=2", "--option", "partition=gpu", "--folder", "it's $(mine)")
    added = lrstudio("hosts", "add", "lab", "me@login:2222", *words, "--python", "conda run -n 'a b' python", "--json")
    assert added.status == 0, added.err
    assert added.data["python"] == ["conda", "run", "-n", "a b", "python"]
    assert lrstudio("hosts", "show", "lab", "--json").data == added.data
    assert "python     conda run -n 'a b' python" in lrstudio("hosts", "show", "lab").out
    again = lrstudio("hosts", "add", "lab", "elsewhere")
    assert (again.status, again.err) == (1, "lrstudio: name: another host has this name\n")
    changed = lrstudio("hosts", "change", "lab", "--rename", "big", "--option", "partition=", "--python", "", "--json")
    assert changed.data == added.data | {"name": "big", "options": {"gpus": "2"}, "python": []}
    other = lrstudio("hosts", "change", "big", "--scheduler", "none", "--json")
    assert other.data["options"] == {}
    assert [it["name"] for it in lrstudio("hosts", "list", "--json").data["hosts"]] == ["big"]
    assert lrstudio("hosts", "remove", "big").status == 0
    gone = lrstudio("hosts", "show", "big")
    assert (gone.status, "there is no host 'big'" in gone.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("add", "a b", "x"), "name"),
        (("add", "a", "-oProxyCommand=x"), "address"),
        (("add", "a", "x", "--folder", "~/x"), "folder"),
        (("add", "a", "x", "--python", "it's"), "python"),
        (("add", "a", "x", "--option", "gpus=1"), "gpus"),
        (("add", "a", "x", "--scheduler", "slurm", "--option", "time_limit=1h"), "time_limit"),
    ],
)
def test_an_odd_value_is_refused_with_its_field(lrstudio, words, field):
    done = lrstudio("hosts", words[0], *words[3:], "--", *words[1:3])
    assert (done.status, done.err.startswith(f"lrstudio: {field}: ")) == (1, True), done.err


def test_the_wheels_of_a_host_without_a_network_are_fetched_by_one_command(lrstudio, tmp_path):
    command = lrstudio("hosts", "wheels", tmp_path, "--json").data["command"]
    assert command[-6:] == ["torch", "transformers", "trl", "peft", "accelerate", "datasets"]
    constraints = command[command.index("-c") + 1]
    with open(constraints, encoding="utf-8") as file:
        assert "\ntorch==" in file.read()


@pytest.mark.server
def test_a_host_is_known_probed_and_told_what_it_lacks(lrstudio, sshd, isolated_home):
    (isolated_home / ".ssh" / "known_hosts").write_text("")
    lrstudio("hosts", "add", "loopback", sshd.address, "--folder", str(sshd.folder / "cli"))
    first = lrstudio("hosts", "probe", "loopback")
    assert first.status == 1
    command = first.err.strip().rpartition("lrstudio hosts ")[2].split()
    assert command[:2] == ["accept-key", "loopback"]
    assert lrstudio("hosts", *command).status == 0
    found = lrstudio("hosts", "probe", "loopback", "--json")
    assert (found.data["usable"], found.status) == (True, 0), found.err
    assert {it["name"] for it in found.data["checks"]} >= {"python", "gpu", "disk", "folder", "clock", "lingering"}
    assert all(it["todo"] for it in found.data["checks"] if not it["passed"])
    assert lrstudio("hosts", "probe", "loopback").out.endswith("make it ready: lrstudio hosts prepare loopback\n")

    bare = f"env PYTHONPATH= {sys.executable} -S"  # without what is installed
    lrstudio("hosts", "change", "loopback", "--python", bare)
    lacking = lrstudio("hosts", "probe", "loopback")
    assert (lacking.status, "packages: this Python lacks torch, transformers, peft" in lacking.err) == (1, True)
    lrstudio("hosts", "change", "loopback", "--python", "", "--wheels", str(isolated_home / "none"))
    refused = lrstudio("hosts", "prepare", "loopback")
    assert (refused.status, "lrstudio: wheels: there is no such folder" in refused.err) == (1, True)


def test_a_host_that_does_not_answer_is_told(lrstudio):
    pytest.importorskip("asyncssh")
    lrstudio("hosts", "add", "nobody", "me@127.0.0.1:1")
    done = lrstudio("hosts", "probe", "nobody")
    assert (done.status, "cannot be reached" in done.err) == (1, True)
