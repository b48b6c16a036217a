"""The form for hosts: the host its fields describe, what is wrong with them, and what is said of a host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrstudio.domain.errors import Refused
from lrstudio.training.hosts.host import Host, Scheduler, Way, check
from lrstudio.training.hosts.host_keys import ChangedHostKey, UnknownHostKey
from lrstudio.training.hosts.probe import Finding, Gpu, Probe
from lrstudio.viewstate.audit_signs import Sign
from lrstudio.viewstate.hosts import FIELDS, OPTIONS, TypedHost, host_line, host_of, host_problems, typed_host
from lrstudio.viewstate.hosts_found import (
    PREPARING,
    PROBING,
    NewKey,
    Standing,
    found_rows,
    gpu_words,
    key_check_words,
    key_of,
    lacks,
    standing_sign,
    standing_words,
    summary_words,
    target_words,
)

LAB = Host("lab", "ann@lab.example.org:2222")
PYTHON = Finding("python", True, "Python 3.11.7")
DISK = Finding("disk", False, "3 GiB are free", "make room there")
LINGERS = Finding("lingering", False, "what is started ends at logout", "ask for it", needed=False)
H200 = Gpu("NVIDIA H200", 139.8, 61.2)


def probed(*checks: Finding, prepared: bool = True, gpus: tuple[Gpu, ...] = (H200,)) -> Standing:
    found = Probe(checks, gpus=gpus, disk_gib=312.4, python="3.11.7", driver="570.86", prepared=prepared)
    return Standing(probe=found, at="2026-11-21T08:10:00+00:00")


TEXTS = st.text(max_size=30) | st.sampled_from(
    [
        "lab",
        "ann@lab",
        "-oProxyCommand=sh",
        "$(rm -rf /)",
        "a b",
        "a'b\"c",
        "a\nb",
        "`id`",
        "~/x",
        "../up",
        "0",
        "2",
        "x:2",
    ]
)
TYPED = st.builds(
    TypedHost,
    name=TEXTS,
    address=TEXTS,
    folder=TEXTS,
    python=TEXTS,
    scheduler=st.sampled_from(Scheduler),
    options=st.dictionaries(st.sampled_from(["partition", "account", "gpus", "nodes", "time_limit", "address"]), TEXTS),
    way=st.sampled_from(Way),
    wheels=st.just(""),
    batch=TEXTS,
)


@settings(max_examples=200)
@given(TYPED)
def test_fields_that_nothing_is_said_against_describe_a_host(typed: TypedHost) -> None:
    found = host_problems(typed)
    if found:
        known = {*FIELDS, *(f"option {name}" for name, _, _ in OPTIONS[typed.scheduler])}
        assert set(found) <= known
        assert all(said[0] == said[0].upper() and said.endswith(".") for said in found.values())
        return
    host = host_of(typed)
    check(host)
    assert host_of(typed_host(host)) == host


def test_a_host_is_shown_and_read_back() -> None:
    host = Host(
        "slurm-a",
        "login.example.org",
        "/scratch/ann dir",
        ("conda", "run", "-n", "a b", "python"),
        Scheduler.SLURM,
        {"partition": "gpu", "gpus": "2"},
        Way.OPENSSH,
    )
    assert host_of(typed_host(host)) == host
    assert typed_host(host).python == "conda run -n 'a b' python"
    assert host_line(host) == "login.example.org · Slurm"
    assert host_line(LAB) == "ann@lab.example.org:2222"


def test_options_of_another_scheduler_are_left_out() -> None:
    typed = replace(typed_host(LAB), scheduler=Scheduler.RAY, options={"gpus": "1", "partition": "gpu", "address": " "})
    assert host_of(typed).options == {"gpus": "1"}


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        (TypedHost(), "name", "Give it a name."),
        (TypedHost(name="lab"), "address", "Say where it is."),
        (TypedHost(name="other", address="lab"), "name", "Another host has this name."),
        (TypedHost(name="a b", address="lab"), "name", "A name has letters"),
        (TypedHost(name="lab", address="lab; id"), "address", "An address is an alias"),
        (TypedHost(name="lab", address="lab", folder="../x"), "folder", "Name a folder"),
        (TypedHost(name="lab", address="lab", python="conda 'run"), "python", "This cannot be split"),
        (TypedHost(name="lab", address="lab", wheels="/nowhere/at/all"), "wheels", "There is no such folder"),
        (
            TypedHost(name="lab", address="lab", scheduler=Scheduler.SLURM, options={"time_limit": "2h"}),
            "option time_limit",
            "This must be a time",
        ),
        (
            TypedHost(name="lab", address="lab", scheduler=Scheduler.RAY, options={"address": "lab"}),
            "option address",
            "This must be an address",
        ),
    ],
)
def test_what_is_wrong_is_said_of_its_field(typed: TypedHost, field: str, said: str) -> None:
    assert host_problems(typed, others=["other"])[field].startswith(said)


def test_a_wheel_folder_of_this_computer_is_taken(tmp_path: Path) -> None:
    assert host_problems(TypedHost(name="lab", address="lab", wheels=str(tmp_path))) == {}


def test_gpus_are_counted_with_their_free_memory() -> None:
    assert gpu_words(()) == "no GPU"
    assert gpu_words([H200]) == "1 × H200 · 61 of 140 GiB free"
    both = [H200, replace(H200, free_gib=139.0), Gpu("NVIDIA L4", 24, 24)]
    assert gpu_words(both) == "2 × H200 · 61 to 139 of 140 GiB free each, 1 × L4 · 24 of 24 GiB free"
    assert gpu_words([H200, H200]) == "2 × H200 · 61 of 140 GiB free each"


def test_what_is_to_be_mended_comes_first_and_says_how() -> None:
    rows = found_rows(probed(PYTHON, LINGERS, DISK).probe or Probe(()))
    assert [(it.title, it.sign) for it in rows] == [
        ("Disk", Sign.CONTRADICTED),
        ("Lingering", Sign.PARTIAL),
        ("Python", Sign.FULL),
    ]
    assert (rows[0].text, rows[0].todo) == ("3 GiB are free", "Make room there")
    assert rows[0].spoken == "Disk. failed. 3 GiB are free. Make room there"
    assert rows[2].todo == ""


@pytest.mark.parametrize(
    ("standing", "sign", "said"),
    [
        (Standing(), Sign.NOT_CHECKED, "not asked yet"),
        (Standing(doing=PROBING), Sign.NOT_CHECKED, "is asked …"),
        (Standing(doing=PREPARING, said="torch: 4 of 9 MB"), Sign.NOT_CHECKED, "torch: 4 of 9 MB"),
        (Standing(trouble="nobody answers"), Sign.CONTRADICTED, "nobody answers"),
        (Standing(trouble="x", key=NewKey("ssh-ed25519", "SHA256:a")), Sign.UNSCORED, "shows a key that nobody has"),
        (Standing(trouble="x", refused_key=True), Sign.CONTRADICTED, "shows another key than before"),
        (probed(PYTHON), Sign.FULL, "1 × H200 · 61 of 140 GiB free at "),
        (probed(PYTHON, prepared=False), Sign.PARTIAL, "1 × H200"),
        (probed(PYTHON, LINGERS), Sign.PARTIAL, "1 × H200"),
        (probed(PYTHON, DISK), Sign.CONTRADICTED, "1 × H200"),
    ],
)
def test_what_is_known_of_a_host_is_a_sign_and_a_line(standing: Standing, sign: Sign, said: str) -> None:
    assert standing_sign(standing) is sign
    assert standing_words(standing).startswith(said)


def test_a_probe_is_summed_up() -> None:
    first, second = summary_words(probed(PYTHON)).splitlines()
    assert first == "1 × H200 · 61 of 140 GiB free · driver 570.86 · ready to train"
    assert second.startswith("Python 3.11.7 · 312 GiB of disk free · asked at ")
    assert summary_words(Standing()) == ""


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (Standing(), ""),
        (Standing(trouble="nobody answers"), ""),
        (Standing(doing=PREPARING), "It is being prepared."),
        (Standing(key=NewKey("rsa", "SHA256:a")), "Its key has to be accepted first: open Hosts."),
        (Standing(refused_key=True, trouble="x"), "It shows another key than before: open Hosts."),
        (probed(PYTHON), ""),
        (probed(PYTHON, LINGERS), ""),
        (probed(PYTHON, DISK), "3 GiB are free. Make room there"),
        (probed(DISK, DISK), "3 GiB are free. Make room there (1 more in Hosts)"),
        (probed(PYTHON, prepared=False), ""),
    ],
)
def test_what_a_run_lacks_is_said_before_it_is_started(standing: Standing, said: str) -> None:
    assert lacks(standing) == said


def test_an_environment_that_is_not_there_yet_is_told_beforehand() -> None:
    bare = probed(PYTHON, prepared=False)
    assert "is made first" in target_words(LAB, bare)
    assert "is tried first" in target_words(replace(LAB, python=("/opt/env/bin/python",)), bare)


def test_what_a_run_can_do_without_is_said_below_the_choice() -> None:
    assert target_words(LAB, probed(PYTHON, LINGERS)).splitlines()[1] == "What is started ends at logout"
    assert target_words(LAB, Standing()) == "Not asked yet"


def test_keys_are_told_apart() -> None:
    new = UnknownHostKey(
        "lab", kind="ssh-ed25519", fingerprint="SHA256:a", key="ssh-ed25519 A", file=Path("known_hosts")
    )
    assert key_of(new) == (NewKey("ssh-ed25519", "SHA256:a", "lab"), False)
    other = ChangedHostKey("lab", kind="ssh-rsa", fingerprint="SHA256:b", before=["SHA256:a"], files=[])
    assert key_of(other) == (None, True)
    assert key_of(Refused("no")) == (None, False)


@pytest.mark.parametrize(
    ("kind", "file"),
    [("ssh-ed25519", "ed25519"), ("ssh-rsa", "rsa"), ("rsa-sha2-512", "rsa"), ("ecdsa-sha2-nistp256", "ecdsa")],
)
def test_the_file_to_compare_with_is_named(kind: str, file: str) -> None:
    assert f"ssh_host_{file}_key.pub" in key_check_words(NewKey(kind, "SHA256:a"))
