"""What a host answered, judged: each thing passed or not, and what to do where it did not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lrstudio.training.hosts.facts import NEEDED, OLDEST, version_of
from lrstudio.training.hosts.host import Host, Scheduler
from lrstudio.training.hosts.probe import Finding, Gpu, Probe

MOST_SKEW: Final = 60.0
"""Seconds by which a host's clock may differ from this machine's."""

ENVIRONMENT_GIB: Final = 15.0
LITTLE_GIB: Final = 5.0
"""What an environment with torch takes while it is made, and what a run with checkpoints takes at the very least."""

_GIB = 1 << 30


def findings(host: Host, facts: Mapping[str, Any], *, skew: float, prepared: bool) -> tuple[Finding, ...]:
    """Judge what a host answered.

    Args:
        host: the host.
        facts: the answer of `lrstudio.training.far.probe`.
        skew: seconds by which its clock is ahead of this machine's.
        prepared: whether an environment that trains is ready there.
    """
    found = [_python(host, facts, prepared=prepared)]
    if host.python:
        found.append(_packages(host, facts))
    elif not prepared and "index" in facts:
        found.append(_network(facts["index"]))
    found += [_gpu(host, facts["gpus"]), _disk(host, facts["place"], prepared=prepared), _folder(facts["place"])]
    found.append(_clock(skew))
    if host.scheduler is Scheduler.NONE:
        found.append(_lingering(facts["lingering"]))
    if "slurm" in facts:
        found.append(_slurm(host, facts["slurm"]))
    if "ray" in facts:
        found.append(_ray(host, facts["ray"]))
    return tuple(found)


def wish_of(host: Host) -> dict[str, Any]:
    """Return what a host is asked about."""
    return {
        "scheduler": host.scheduler.value,
        "options": dict(host.options),
        "modules": NEEDED if host.python else (),
        "index": not host.python and not host.wheels,
    }


def probe_of(host: Host, facts: Mapping[str, Any], *, skew: float, prepared: bool) -> Probe:
    """Return what a host's answer comes to; the arguments are those of `findings`."""
    scheduler = {
        "slurm": facts.get("slurm", {}).get("version", ""),
        "ray": f"Ray {facts.get('ray', {}).get('version')}",
    }
    return Probe(
        checks=findings(host, facts, skew=skew, prepared=prepared),
        gpus=gpus_of(facts),
        disk_gib=disk_of(facts),
        python=".".join(map(str, version_of(facts))),
        driver=facts["gpus"]["driver"],
        scheduler=scheduler.get(host.scheduler.value, ""),
        lingers=_lingers(facts["lingering"]),
        prepared=prepared,
    )


def _lingers(lingering: Mapping[str, Any]) -> bool | None:
    return bool(lingering["lingers"]) if lingering["kills"] else None


def gpus_of(facts: Mapping[str, Any]) -> tuple[Gpu, ...]:
    """Return the cards."""
    cards = facts["gpus"]["cards"]
    return tuple(Gpu(it["name"], round(it["total_mib"] / 1024, 1), round(it["free_mib"] / 1024, 1)) for it in cards)


def disk_of(facts: Mapping[str, Any]) -> float | None:
    """Return how many GiB are free where the host's folder is."""
    free = facts["place"]["free"]
    return None if free is None else round(free / _GIB, 1)


def _python(host: Host, facts: Mapping[str, Any], *, prepared: bool) -> Finding:
    version = version_of(facts)
    python = facts["python"]
    said = f"Python {'.'.join(map(str, version))} ({python['executable']})"
    if version[:2] < OLDEST:
        return Finding(
            "python",
            False,
            f"{said}; the studio needs Python {'.'.join(map(str, OLDEST))} or newer",
            "install a newer Python there (`conda create -n lrstudio python=3.11`, `module load`, or the system's "
            "packages), then name it in the host's field Python, such as /opt/python/3.11/bin/python3",
        )
    if not host.python and not prepared and not python["makes_environments"]:
        return Finding(
            "python",
            False,
            f"{said}; it cannot make environments: the module venv or ensurepip is missing",
            "install it there (Debian and Ubuntu: `apt install python3-venv`), or name in the host's field Python one "
            "that has torch already",
        )
    return Finding("python", True, said)


def _packages(host: Host, facts: Mapping[str, Any]) -> Finding:
    lacks = facts.get("lacks") or []
    if not lacks:
        return Finding("packages", True, f"{', '.join(NEEDED)} are there")
    return Finding(
        "packages",
        False,
        f"this Python lacks {', '.join(lacks)}",
        f"install them there (`{' '.join(host.python)} -m pip install {' '.join(lacks)}`), name another Python, or "
        "leave the field Python empty and prepare the host",
    )


def _network(index: Mapping[str, str]) -> Finding:
    if not index["said"]:
        return Finding("network", True, f"{index['host']} can be reached for packages")
    return Finding(
        "network",
        False,
        f"{index['host']} cannot be reached for packages ({index['said']})",
        "fill a folder here with every wheel (`pip download -r ...`, see the page on hosts) and name it in the host's "
        "field Wheel folder, or set PIP_INDEX_URL or a proxy for commands over SSH there",
        needed=False,
    )


def _gpu(host: Host, gpus: Mapping[str, Any]) -> Finding:
    cards = gpus["cards"]
    if cards:
        names = ", ".join(sorted({str(it["name"]) for it in cards}))
        return Finding("gpu", True, f"{len(cards)} × {names}, driver {gpus['driver']}")
    elsewhere = {
        Scheduler.SLURM: "the GPUs are on the nodes that Slurm gives",
        Scheduler.RAY: "the GPUs are where Ray runs the job",
    }
    if host.scheduler in elsewhere:
        return Finding("gpu", True, f"none on this machine; {elsewhere[host.scheduler]}", needed=False)
    if not gpus["program"]:
        said = "there is no nvidia-smi, so no NVIDIA driver"
        todo = "install the driver there; without a GPU only tiny models can be trained"
    else:
        said = f"nvidia-smi sees no card: {gpus['said'] or 'it said nothing'}"
        todo = "run nvidia-smi there: a driver that was just updated needs the machine restarted"
    return Finding("gpu", False, said, todo, needed=False)


def _disk(host: Host, place: Mapping[str, Any], *, prepared: bool) -> Finding:
    if place["free"] is None:
        return Finding("disk", True, "nobody says how much is free", needed=False)
    wanted = LITTLE_GIB if prepared or host.python else ENVIRONMENT_GIB
    free = place["free"] / _GIB
    said = f"{free:.1f} GiB are free at {place['near']}"
    if free >= wanted:
        return Finding("disk", True, said)
    what = "checkpoints need" if wanted == LITTLE_GIB else "an environment that trains needs"
    return Finding(
        "disk",
        False,
        f"{said}; {what} {wanted:.0f}",
        "make room there, or name a folder on a larger disk (/scratch, /data) in the host's field Folder",
    )


def _folder(place: Mapping[str, Any]) -> Finding:
    if not place["fails"]:
        return Finding("folder", True, f"{place['folder']} can be used")
    return Finding(
        "folder",
        False,
        f"in {place['near']} one {place['fails']}",
        "name a folder on a disk of the host's own in its field Folder (/scratch, /data): runs need one in which files "
        "can be written, renamed, linked and locked",
    )


def _clock(skew: float) -> Finding:
    if abs(skew) <= MOST_SKEW:
        return Finding("clock", True, "its clock agrees with this machine's")
    way = "ahead of" if skew > 0 else "behind"
    return Finding(
        "clock",
        False,
        f"its clock is {abs(skew):.0f} s {way} this machine's",
        "set the clock that is wrong (`timedatectl set-ntp true`); until then times of runs there are shown shifted",
        needed=False,
    )


def _lingering(lingering: Mapping[str, Any]) -> Finding:
    if not lingering["kills"]:
        return Finding("lingering", True, "what is started there goes on when the connection ends")
    if lingering["lingers"]:
        return Finding("lingering", True, "this user lingers, so what is started goes on when the connection ends")
    return Finding(
        "lingering",
        False,
        "the host ends everything of a user who logs out (KillUserProcesses), a run too",
        f"run `loginctl enable-linger {lingering.get('user', '')}".rstrip() + "` there once, or ask whoever runs it to",
    )


def _slurm(host: Host, slurm: Mapping[str, Any]) -> Finding:
    if slurm["missing"]:
        return Finding(
            "slurm",
            False,
            f"these programs are missing there: {', '.join(slurm['missing'])}",
            "name the cluster's login node as the address; where Slurm is loaded by a module, load it in ~/.bashrc "
            "above the line that returns for shells that are not interactive",
        )
    if slurm["said"]:
        todo = "try again when Slurm's controller is up; `sinfo` there says the same"
        return Finding("slurm", False, f"Slurm does not answer: {slurm['said']}", todo)
    wanted = [it for it in host.options.get("partition", "").split(",") if it]
    unknown = [it for it in wanted if it not in slurm["partitions"]]
    if unknown:
        return Finding(
            "slurm",
            False,
            f"there is no partition {', '.join(unknown)}; there are {', '.join(slurm['partitions']) or 'none'}",
            "name one of them in the host's option partition, or leave it empty for the usual one",
        )
    return Finding("slurm", True, f"{slurm['version'] or 'Slurm'} answers")


def _ray(host: Host, ray: Mapping[str, str]) -> Finding:
    address = host.options.get("address") or "http://127.0.0.1:8265"
    if ray["version"]:
        return Finding("ray", True, f"Ray {ray['version']} answers at {address}")
    return Finding(
        "ray",
        False,
        f"no Ray dashboard answers at {address}, asked from the host: {ray['said'] or 'it said nothing'}",
        "start it (`ray start --head --include-dashboard=true`), or name the address that it printed in the host's "
        "option address",
    )
