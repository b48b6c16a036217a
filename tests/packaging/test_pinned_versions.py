"""The tested versions: complete, within the declared ranges, free of this machine, and those the tests run with."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pins() -> dict[str, str]:
    lines = (ROOT / "packaging" / "constraints.txt").read_text("utf-8").splitlines()
    named = [line.partition("==") for line in lines if line and not line.startswith("#")]
    assert all(separator and version for _, separator, version in named)
    return {canonicalize_name(name): version for name, _, version in named}


@pytest.fixture(scope="module")
def declared() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    return [Requirement(line) for lines in (project["dependencies"], *extras) for line in lines]


def test_every_declared_dependency_is_pinned_within_its_range(
    pins: dict[str, str], declared: list[Requirement]
) -> None:
    loose = [
        str(requirement)
        for requirement in declared
        if not requirement.specifier.contains(pins.get(canonicalize_name(requirement.name), "0"))
    ]
    assert loose == []


def test_torch_comes_first_so_that_pip_takes_no_cuda_build(pins: dict[str, str]) -> None:
    assert next(iter(pins.items())) == ("torch", "2.13.0")


@pytest.mark.skipif(
    sys.version_info >= (3, 12) or sys.platform != "linux", reason="the pins are those of Python 3.11 on Linux"
)
def test_everything_the_project_leads_to_is_pinned_and_tested_at_its_pin(pins: dict[str, str]) -> None:
    spec = importlib.util.spec_from_file_location("licences_of_pins", ROOT / "packaging" / "licences.py")
    assert spec
    assert spec.loader
    licences = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = licences
    spec.loader.exec_module(licences)

    installed = {item.name: item.version for item in licences.dependencies(licences.project_requirements())}

    assert {"numpy", "shiboken6", "pluggy"} <= installed.keys()
    assert {name: found for name, found in installed.items() if Version(found).public != pins.get(name)} == {}
