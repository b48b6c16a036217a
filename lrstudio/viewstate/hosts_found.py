"""What is known of a host: what a probe found there and what to do about it, its GPUs, and what a run still lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lrstudio.domain.errors import StudioError
from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.host_keys import ChangedHostKey, UnknownHostKey
from lrstudio.training.hosts.probe import Finding, Gpu, Probe
from lrstudio.viewstate.audit_signs import Sign
from lrstudio.viewstate.training_runs import clock_of


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that this computer has not seen: its type, its fingerprint as ssh-keygen writes it, and whose it is.

    `machine` is the host as known_hosts files call it, or a jump host before it.
    """

    kind: str
    fingerprint: str
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a host since the window is open.

    `doing` is what it is being asked for, "" for nothing, and `said` how far that is. `trouble` is the sentence that
    the last question ended with, and `key` what must be accepted before it can be asked again. `refused_key` tells that
    the trouble is a key other than the one known. `share` is how far, 0 to 1, None where that cannot be said.
    """

    doing: str = ""
    said: str = ""
    share: float | None = None
    probe: Probe | None = None
    at: str = ""
    trouble: str = ""
    key: NewKey | None = None
    refused_key: bool = False


@dataclass(frozen=True, slots=True)
class SignRow:
    """A row of a list: a sign, a title, a sentence below it, and what to do about it, "" where there is nothing."""

    key: str
    sign: Sign
    title: str
    text: str = ""
    todo: str = ""

    @property
    def spoken(self) -> str:
        """The row for a screen reader, and for the clipboard."""
        state = {Sign.FULL: "passed", Sign.PARTIAL: "look at it", Sign.CONTRADICTED: "failed"}.get(self.sign, "")
        return ". ".join(it.rstrip(".") for it in (self.title, state, self.text, self.todo) if it)


_TITLES: Final = {"gpu": "GPU"}
PROBING: Final = "probe"
PREPARING: Final = "prepare"

NOT_PROBED: Final = (
    "Not asked yet. Probe looks for Python, driver, GPUs, disk and scheduler there, and changes nothing."
)
NOT_MADE: Final = "Its environment is made first, which takes minutes; Prepare, in Hosts, makes it beforehand."
NOT_TRIED: Final = "Its environment is tried first; Prepare, in Hosts, tries it beforehand."
NO_HOST: Final = (
    "A host is another machine that trains: a workstation, a server, the login node of a cluster. It is reached by "
    "SSH, with the keys and names of this computer."
)


def found_rows(probe: Probe) -> tuple[SignRow, ...]:
    """Return what a probe found, what is to be mended first."""
    order = (Sign.CONTRADICTED, Sign.PARTIAL, Sign.FULL)
    return tuple(sorted((_found_row(it) for it in probe.checks), key=lambda it: order.index(it.sign)))


def _found_row(found: Finding) -> SignRow:
    sign = Sign.FULL if found.passed else Sign.CONTRADICTED if found.needed else Sign.PARTIAL
    title = _TITLES.get(found.name, _begun(found.name))
    return SignRow(found.name, sign, title, _begun(found.said), "" if found.passed else _begun(found.todo))


def gpu_words(gpus: Sequence[Gpu]) -> str:
    """Say which GPUs there are and how much of their memory is free."""
    if not gpus:
        return "no GPU"
    alike: dict[tuple[str, int], list[Gpu]] = {}
    for it in gpus:
        alike.setdefault((it.name, round(it.total_gib)), []).append(it)
    return ", ".join(_gpus(name, total, it) for (name, total), it in alike.items())


def _gpus(name: str, total: int, gpus: Sequence[Gpu]) -> str:
    short = name.removeprefix("NVIDIA ").strip()
    free = [it.free_gib for it in gpus]
    if len(gpus) == 1:
        return f"1 × {short} · {free[0]:.0f} of {total} GiB free"
    span = f"{min(free):.0f}" if round(min(free)) == round(max(free)) else f"{min(free):.0f} to {max(free):.0f}"
    return f"{len(gpus)} × {short} · {span} of {total} GiB free each"


def standing_words(standing: Standing) -> str:
    """Say in a line what is known of a host."""
    if standing.doing:
        return standing.said or {PROBING: "is asked …", PREPARING: "is prepared …"}.get(standing.doing, "…")
    if standing.key is not None:
        return "shows a key that nobody has accepted"
    if standing.refused_key:
        return "shows another key than before"
    if standing.trouble:
        return standing.trouble
    if standing.probe is None:
        return "not asked yet"
    return f"{gpu_words(standing.probe.gpus)} at {clock_of(standing.at)}"


def trouble_words(standing: Standing) -> str:
    """Say what the last question ended with, "" where it was answered."""
    return _begun(standing.trouble)


def summary_words(standing: Standing) -> str:
    """Say in two lines what a probe found: GPUs with driver, then Python, disk and scheduler, and when that was."""
    found = standing.probe
    if found is None:
        return ""
    driver = f"driver {found.driver}" if found.driver else ""
    python = f"Python {found.python}" if found.python[:1].isdigit() else found.python
    disk = f"{found.disk_gib:,.0f} GiB of disk free" if found.disk_gib is not None else ""
    ready = "ready to train" if found.prepared else "not prepared yet"
    first = " · ".join(filter(None, (_begun(gpu_words(found.gpus)), driver, ready)))
    second = " · ".join(filter(None, (python, disk, found.scheduler, f"asked at {clock_of(standing.at)}")))
    return f"{first}\n{second}"


def standing_sign(standing: Standing) -> Sign:
    """Return what is known of a host as one sign."""
    if standing.doing:
        return Sign.NOT_CHECKED
    if standing.key is not None:
        return Sign.UNSCORED
    if standing.trouble:
        return Sign.CONTRADICTED
    if standing.probe is None:
        return Sign.NOT_CHECKED
    if not standing.probe.usable:
        return Sign.CONTRADICTED
    return Sign.FULL if standing.probe.prepared and all(it.passed for it in standing.probe.checks) else Sign.PARTIAL


def lacks(standing: Standing) -> str:
    """Say what a run on a host still lacks, "" where nothing is known to be in its way.

    That it could not be asked a while ago is not in the way: the next try may well succeed.
    """
    if standing.doing == PREPARING:
        return "It is being prepared."
    if standing.key is not None:
        return "Its key has to be accepted first: open Hosts."
    if standing.refused_key:
        return "It shows another key than before: open Hosts."
    found = standing.probe
    if found is None:
        return ""
    if in_the_way := [it for it in found.checks if it.needed and not it.passed]:
        first = in_the_way[0]
        more = f" ({len(in_the_way) - 1} more in Hosts)" if len(in_the_way) > 1 else ""
        return f"{_begun(first.said).rstrip('.')}. {_begun(first.todo)}".strip() + more
    return ""


def target_words(host: Host, standing: Standing) -> str:
    """Say below the choice of a host what is known of it, and what a person should know before they train there."""
    told = [_begun(standing_words(standing))]
    if standing.probe is not None and not standing.doing and not standing.trouble:
        if not standing.probe.prepared:
            told.append(NOT_TRIED if host.python else NOT_MADE)
        told += [_begun(it.said) for it in standing.probe.checks if not it.passed and not it.needed]
    return "\n".join(told)


def key_of(error: StudioError) -> tuple[NewKey | None, bool]:
    """Return the key that an error is about, and whether it is another one than the one known."""
    if isinstance(error, UnknownHostKey):
        return NewKey(error.kind, error.fingerprint, error.machine), False
    return None, isinstance(error, ChangedHostKey)


def remove_words(host: str) -> str:
    """Ask whether a host is to be removed."""
    return (
        f"{host} goes from this list. Nothing is removed on it: its environment and its runs stay there, and a run "
        "that works there works on. Runs of it in a project can be asked again only when it is added again."
    )


def key_words(host: str, key: NewKey) -> str:
    """Ask whether a key is the host's."""
    return (
        f"{key.machine or host} shows a key that this computer has not seen before. Compare its fingerprint with the "
        "one that the machine itself or whoever runs it names; accept it only where they are the same."
    )


def key_check_words(key: NewKey) -> str:
    """Say how the fingerprint is read on the machine itself."""
    kind = key.kind.lower().removeprefix("ssh-").split("-")[0]
    kind = {"ecdsa": "ecdsa", "rsa": "rsa", "ed25519": "ed25519", "dss": "dsa"}.get(kind, kind)
    return f"There: ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub"


def _begun(text: str) -> str:
    """Begin with a capital, and end as a sentence where it is one."""
    return f"{text[:1].upper()}{text[1:]}"
