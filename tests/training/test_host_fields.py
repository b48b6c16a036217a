"""How a host is described: what it takes, and odd values refused with the field's name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.errors import Refused
from lrstudio.training.hosts.host import Host, Scheduler, Way, options_for

FULL = Host(
    "cluster",
    "me@login.example:2222",
    folder="/scratch/it's mine/$(x)",
    python=("conda", "run", "-n", "a b", "python"),
    scheduler=Scheduler.SLURM,
    options={"partition": "gpu,big", "gpus": "a100:2", "nodes": "2", "time_limit": "1-12:00:00", "account": "lab_1"},
    way=Way.OPENSSH,
    wheels="/here/wheels",
)


def test_a_host_is_the_same_after_a_file() -> None:
    assert Host.read(json.loads(json.dumps(FULL.row()))) == FULL
    assert Host.read({"name": "a", "address": "b"}) == Host("a", "b")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "this machine"),
        ("name", "a/b"),
        ("name", "a\n"),
        ("name", "-a"),
        ("name", 3),
        ("address", ""),
        ("address", "-oProxyCommand=x"),
        ("address", "-l@machine"),
        ("address", "me:secret@machine"),
        ("address", "machine; touch x"),
        ("address", "machine\n"),
        ("address", "machine:0"),
        ("address", "machine:65536"),
        ("address", ["machine"]),
        ("folder", ""),
        ("folder", "/"),
        ("folder", "a/../b"),
        ("folder", "~/runs"),
        ("folder", "a:b"),
        ("folder", "a%j"),
        ("folder", "a\x00"),
        ("folder", "a\ud800"),
        ("folder", None),
        ("python", "python3"),
        ("python", [""]),
        ("python", ["a\nb"]),
        ("python", ["-c", "x"]),
        ("python", [3]),
        ("scheduler", "sge"),
        ("way", "telnet"),
        ("way", None),
        ("wheels", "a\nb"),
        ("batch", ["-i"]),
        ("batch", "vllm"),
        ("options", []),
        ("options", {"gpus": 1}),
    ],
)
def test_an_odd_value_is_refused_with_its_field(field: str, value: object) -> None:
    with pytest.raises(Refused) as refused:
        Host.read({**FULL.row(), field: value})
    assert refused.value.where == field


@pytest.mark.parametrize(
    ("scheduler", "name", "value"),
    [
        ("none", "gpus", "1"),
        ("slurm", "colour", "red"),
        ("slurm", "partition", "gpu; rm"),
        ("slurm", "partition", "--wrap=x"),
        ("slurm", "account", "a b"),
        ("slurm", "gpus", "many"),
        ("slurm", "nodes", "-1"),
        ("slurm", "time_limit", "12 hours"),
        ("slurm", "time_limit", "1:00:00\n#SBATCH"),
        ("ray", "address", "http://me:secret@head:8265"),
        ("ray", "address", "file:///etc/passwd"),
        ("ray", "gpus", "$(x)"),
    ],
)
def test_an_odd_option_is_refused_with_its_name(scheduler: str, name: str, value: str) -> None:
    with pytest.raises(Refused) as refused:
        Host.read({"name": "a", "address": "b", "scheduler": scheduler, "options": {name: value}})
    assert refused.value.where == name


def test_a_field_that_must_be_there_is_named() -> None:
    with pytest.raises(Refused) as refused:
        Host.read({"name": "a"})
    assert refused.value.where == "address"


def test_only_a_schedulers_own_options_stay_with_it() -> None:
    assert options_for(Scheduler.RAY, FULL.options) == {"gpus": "a100:2"}
    assert options_for(Scheduler.NONE, FULL.options) == {}


_TEXT = st.text(st.sampled_from("aZ09._-@:/~%$`'\"\\(){};&|<>*? \t\n\x00\x1b\ud800é中"), max_size=12)
_PLAIN = st.none() | st.booleans() | st.integers() | _TEXT
_JSON = _PLAIN | st.lists(_PLAIN, max_size=3) | st.dictionaries(_TEXT, _PLAIN, max_size=3)


@given(st.dictionaries(st.sampled_from(sorted(FULL.row())), _JSON))
def test_whatever_stands_in_the_file_is_a_host_or_refused(row: dict[str, Any]) -> None:
    where = ""
    try:
        host = Host.read({**FULL.row(), **row})
    except Refused as refused:
        where = refused.where
        host = FULL
    assert where in {"", *FULL.row()} | set(row.get("options") or ())
    assert Host.read(host.row()) == host
    texts = [host.name, host.address, host.folder, host.wheels, *host.python, *host.batch, *host.options.values()]
    assert all(it.isprintable() for it in texts)
