"""Which licences the studio's dependencies carry, and which of them it may not be built on.

    python packaging/licences.py        list every installed dependency, direct and transitive; exit 1 on a problem

Permissive licences, MPL, EPL and LGPL used unmodified are fine; GPL-only and AGPL are not. Where a package offers a
choice, one acceptable licence is enough.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"

ACCEPTED = re.compile(
    r"\b(MIT|0?BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla Public|LGPL|Lesser General Public|EPL|"
    r"Eclipse Public|Zlib|CC0|Unlicense|HPND|CNRI-Python|BSL-1\.0|Boost)",
    re.IGNORECASE,
)
REFUSED = re.compile(r"AGPL|Affero|(?<!L)GPL|(?<!Lesser )General Public License", re.IGNORECASE)
# GPL code that says of itself that linking to it does not spread the licence, such as the run-time library of gcc.
LINKING_EXCEPTION = re.compile(r"WITH (GCC|Classpath|Bootloader)[\w.-]*exception", re.IGNORECASE)

# What the metadata does not say in a form that can be read: package -> (what it says, why that is fine).
REVIEWED = {
    "pypdfium2": (
        "BSD-3-Clause, Apache-2.0, dependency licenses",
        "the wheel holds PDFium (BSD-3-Clause and Apache-2.0) with the notices of its permissive parts",
    ),
}


class Verdict(Enum):
    """Whether the studio may depend on a package."""

    ACCEPTED = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Dependency:
    """An installed package, the licence its metadata names, and what follows."""

    name: str
    version: str
    licence: str
    verdict: Verdict


def dependencies(requirements: Iterable[str], *, path: Sequence[str] | None = None) -> list[Dependency]:
    """Judge every installed distribution the requirements lead to, sorted by name; absent ones are passed over.

    Args:
        requirements: as in pyproject.toml, with markers and extras.
        path: where distributions are looked for; sys.path when None.
    """
    found = distributions() if path is None else distributions(path=list(path))
    installed: dict[str, Distribution] = {}
    for item in found:
        installed.setdefault(canonicalize_name(item.name), item)  # the first on the path is the one that is imported
    reached: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen or name not in installed or not applies(requirement, frozenset()):
            continue
        seen.add((name, extras))
        reached[name] = installed[name]
        for text in installed[name].requires or ():
            following = Requirement(text)
            if applies(following, extras):
                following.marker = None
                waiting.append(following)
    return [judge(reached[name]) for name in sorted(reached)]


def applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    """Say whether a requirement holds on this Python and platform when the extras are asked for."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def judge(distribution: Distribution) -> Dependency:
    """Read one distribution's licence and judge it."""
    name, licence = canonicalize_name(distribution.name), licence_of(distribution)
    reviewed, _ = REVIEWED.get(name, ("", ""))
    verdict = Verdict.ACCEPTED if licence and licence == reviewed else verdict_on(licence)
    return Dependency(name, distribution.version, licence, verdict)


def licence_of(distribution: Distribution) -> str:
    """Return what the metadata says: the expression, else the one-line licence field, else the classifiers.

    Several classifiers do not say whether one may choose, so they are read as all binding.
    """
    metadata = distribution.metadata
    expression, named = (metadata[key].strip() if key in metadata else "" for key in ("License-Expression", "License"))
    classifiers = [
        line.rsplit(" :: ", 1)[-1] for line in metadata.get_all("Classifier") or () if line.startswith("License :: ")
    ]
    one_line = named if "\n" not in named and verdict_on(named) is not Verdict.UNKNOWN else ""
    return expression or one_line or " AND ".join(classifiers) or named.partition("\n")[0]


def verdict_on(licence: str) -> Verdict:
    """Judge a licence expression: of a choice the best part counts, of a sum the worst."""
    expression = re.sub(r",\s*(?=[Vv]ersion|v?\d)", " ", licence)  # "Apache License, Version 2.0" is one licence
    # Free text such as "Mozilla Public License 2.0 (MPL 2.0)" has brackets that group nothing.
    if not re.search(r" (OR|AND) |,", expression):
        return term_verdict(expression)
    tokens = re.split(r"(\(|\)| OR | AND |,)", expression)
    return either(token.strip() for token in tokens if token.strip())


def either(tokens: Iterator[str]) -> Verdict:
    """Judge tokens up to the closing bracket or the end; AND and the comma bind closer than OR."""
    choices: list[list[Verdict]] = [[]]
    for token in tokens:
        if token == ")":
            break
        if token == "OR":
            choices.append([])
        elif token not in ("AND", ","):
            choices[-1].append(either(tokens) if token == "(" else term_verdict(token))
    order = (Verdict.REFUSED, Verdict.UNKNOWN, Verdict.ACCEPTED)
    worst = [min(parts, key=order.index, default=Verdict.UNKNOWN) for parts in choices]
    return max(worst, key=order.index)


def term_verdict(term: str) -> Verdict:
    """Judge a single licence."""
    if REFUSED.search(term) and not LINKING_EXCEPTION.search(term):
        return Verdict.REFUSED
    return Verdict.ACCEPTED if ACCEPTED.search(term) or LINKING_EXCEPTION.search(term) else Verdict.UNKNOWN


def project_requirements() -> list[str]:
    """Return the requirements of the core and of every extra."""
    project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    return [*project["dependencies"], *(line for lines in extras.values() for line in lines)]


def main() -> int:
    """Print the table; 1 when a licence is refused or unknown."""
    found = dependencies(project_requirements())
    for item in found:
        print(f"{item.verdict.value:<8} {item.name:<24} {item.version:<18} {item.licence[:70]}")
    return 0 if all(item.verdict is Verdict.ACCEPTED for item in found) else 1


if __name__ == "__main__":
    sys.exit(main())
