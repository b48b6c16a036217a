"""The running package as a wheel: the same bytes from a checkout and from an installation, and pip takes it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from lrstudio.training.far.unpack import unpack
from lrstudio.training.hosts.bootstrap import TRAIN, training_wanted
from lrstudio.training.hosts.own_wheel import OwnWheel, constraints, own_wheel

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> OwnWheel:
    return own_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def package(made: OwnWheel) -> Path:
    return unpack(made.path)


def test_the_same_content_is_the_same_wheel(made: OwnWheel, package: Path, tmp_path: Path) -> None:
    assert hashlib.sha256(made.path.read_bytes()).hexdigest() == made.sha256 == made.path.parent.name
    assert own_wheel(tmp_path).sha256 == made.sha256
    code = "import sys, pathlib; from lrstudio.training.hosts.own_wheel import *; "
    code += "print(own_wheel(pathlib.Path(sys.argv[1])).sha256, len(constraints()))"
    assert ran(code, tmp_path, package=package).split() == [made.sha256, str(len(constraints()))]
    (package / "lrstudio" / "_resources" / "samples" / "more.md").write_text("more")
    assert ran(code, tmp_path, package=package).split()[0] != made.sha256


def ran(code: str, folder: Path, *, package: Path) -> str:
    """Run a line in a Python that finds this package there and nowhere else."""
    command = [sys.executable, "-S", "-c", code, str(folder)]
    environment = {"PYTHONPATH": str(package)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=folder).stdout


def test_an_environment_gets_what_the_extra_for_training_names() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert {Requirement(it).name for it in extras["train"]} == set(TRAIN)
    assert f"\n{TRAIN[0]}==" in training_wanted().constraints


def test_it_holds_what_the_build_puts_into_a_wheel(made: OwnWheel, tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = tmp_path.glob("*.whl")
    assert contents(made.path) == contents(built)
    assert contents(built)["lrstudio/_resources/constraints.txt"] == hashed(ROOT / "packaging/constraints.txt")


def contents(wheel: Path) -> dict[str, str]:
    with zipfile.ZipFile(wheel) as file:
        names = [it for it in file.namelist() if ".dist-info/" not in it]
        return {it: hashlib.sha256(file.read(it)).hexdigest() for it in names}


def hashed(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_pip_installs_it_and_finds_every_file_as_recorded(made: OwnWheel, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-compile", "--target", str(tmp_path)]
    subprocess.run([*pip, "--disable-pip-version-check", str(made.path)], check=True, capture_output=True)
    code = "import importlib.metadata as m, sys; d = m.distribution('lrstudio'); print(d.version); "
    code += "print(sum(it.hash is not None and it.locate().is_file() for it in d.files))"
    version, files = ran(code, tmp_path, package=tmp_path).split()
    assert version
    assert int(files) >= len(contents(made.path))


def test_a_spoilt_wheel_is_not_unpacked(made: OwnWheel, tmp_path: Path) -> None:
    spoilt = tmp_path / made.sha256 / made.path.name
    spoilt.parent.mkdir()
    spoilt.write_bytes(made.path.read_bytes()[:-1] + b"x")
    command = [sys.executable, "-m", "lrstudio.training.far.unpack", str(spoilt)]
    done = subprocess.run(command, env={"PYTHONPATH": str(made.path)}, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, "not the one that was sent" in done.stderr) == (1, True)
    assert [it.name for it in spoilt.parent.iterdir()] == [made.path.name]
