"""What a host answered, judged: whatever does not pass says what to do."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from lrstudio.training.hosts.host import Host, Scheduler
from lrstudio.training.hosts.probe import Finding, Gpu, Probe
from lrstudio.training.hosts.probe_findings import probe_of, wish_of

GIB = 1 << 30
FACTS: dict[str, Any] = {
    "folder": "/home/me/lrstudio",
    "python": {"version": [3, 11, 2], "executable": "/usr/bin/python3.11", "makes_environments": True, "tag": "x"},
    "time": 0.0,
    "place": {"folder": "/home/me/lrstudio", "near": "/home/me", "free": 500 * GIB, "fails": "", "there": False},
    "gpus": {
        "program": "/usr/bin/nvidia-smi",
        "cards": [{"name": "NVIDIA H200", "total_mib": 143771.0, "free_mib": 140288.0}],
        "driver": "570.1",
        "said": "",
    },
    "lingering": {"kills": False, "lingers": None, "user": "me"},
    "index": {"host": "pypi.org", "said": ""},
}
SLURM = {"missing": [], "version": "slurm 22", "said": "", "partitions": ["gpu"]}
HOST = Host("a", "a")
CLUSTER = Host("c", "c", scheduler=Scheduler.SLURM, options={"partition": "gpu"})
RAY = Host("r", "r", scheduler=Scheduler.RAY)
OWN = Host("o", "o", python=("conda", "run", "python"))


def probed(host: Host = HOST, *, skew: float = 0.0, prepared: bool = False, **changes: Any) -> Probe:
    facts = deepcopy(FACTS)
    for name, value in changes.items():
        facts[name] = facts[name] | value if isinstance(facts.get(name), dict) else value
    return probe_of(host, facts, skew=skew, prepared=prepared)


def failed(found: Probe) -> list[Finding]:
    return [it for it in found.checks if not it.passed]


def test_a_host_that_has_everything_passes_everything() -> None:
    found = probed()
    assert failed(found) == []
    assert found.usable
    assert found.gpus == (Gpu("NVIDIA H200", 140.4, 137.0),)
    assert (found.python, found.driver, found.disk_gib, found.lingers) == ("3.11.2", "570.1", 500.0, None)
    assert probed(CLUSTER, slurm=SLURM).scheduler == "slurm 22"
    assert probed(RAY, ray={"version": "2.60.0", "said": ""}).scheduler == "Ray 2.60.0"
    assert failed(probed(OWN, lacks=[])) == []


@pytest.mark.parametrize(
    ("host", "changes", "name", "todo", "usable"),
    [
        (HOST, {"python": {"version": [3, 8, 1]}}, "python", "host's field Python", False),
        (HOST, {"python": {"makes_environments": False}}, "python", "apt install python3-venv", False),
        (HOST, {"index": {"said": "timed out"}}, "network", "Wheel folder", True),
        (HOST, {"gpus": {"program": "", "cards": []}}, "gpu", "install the driver", True),
        (HOST, {"gpus": {"cards": [], "said": "NVML mismatch"}}, "gpu", "restarted", True),
        (HOST, {"place": {"free": 10 * GIB}}, "disk", "make room", False),
        (HOST, {"place": {"free": 4 * GIB}, "prepared": True}, "disk", "make room", False),
        (HOST, {"place": {"fails": "cannot rename a file over another: no"}}, "folder", "/scratch", False),
        (HOST, {"skew": 61.0}, "clock", "timedatectl", True),
        (HOST, {"skew": -3600.0}, "clock", "timedatectl", True),
        (HOST, {"lingering": {"kills": True, "lingers": False}}, "lingering", "loginctl enable-linger me", False),
        (CLUSTER, {"slurm": SLURM | {"missing": ["sbatch"]}}, "slurm", "login node", False),
        (CLUSTER, {"slurm": SLURM | {"said": "no controller"}}, "slurm", "try again", False),
        (CLUSTER, {"slurm": SLURM | {"partitions": ["cpu"]}}, "slurm", "option partition", False),
        (RAY, {"ray": {"version": "", "said": "refused"}}, "ray", "option address", False),
        (OWN, {"lacks": ["torch"]}, "packages", "`conda run python -m pip install torch`", False),
    ],
)
def test_what_does_not_pass_says_what_to_do(
    host: Host, changes: dict[str, Any], name: str, todo: str, usable: bool
) -> None:
    found = probed(host, **changes)
    (finding,) = failed(found)
    assert finding.name == name
    assert todo in finding.todo
    assert finding.said
    assert found.usable is usable


def test_what_does_not_matter_does_not_fail() -> None:
    no_card = {"program": "", "cards": []}
    assert failed(probed(CLUSTER, slurm=SLURM, gpus=no_card, lingering={"kills": True, "lingers": False})) == []
    assert failed(probed(prepared=True, place={"free": 10 * GIB}, index={"said": "x"})) == []
    assert probed(lingering={"kills": True, "lingers": True}).lingers is True
    assert probed(skew=59.0).usable
    assert failed(probed(place={"free": None})) == []


def test_only_what_counts_is_asked() -> None:
    assert wish_of(HOST)["index"]
    assert not wish_of(Host("a", "a", wheels="/w"))["index"]
    assert (wish_of(OWN)["index"], wish_of(OWN)["modules"]) == (False, ("torch", "transformers", "peft"))
