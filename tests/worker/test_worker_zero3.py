"""Weights in parts by ZeRO-3: the numbers of one process, a stop and a going on, a whole result; refused without it."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")
pytest.importorskip("peft", reason="peft is not installed: the extra `train` brings it")
pytest.importorskip("accelerate", reason="accelerate is not installed: the extra `train` brings it")

from safetensors.torch import load_file  # noqa: E402

from lrstudio.domain.errors import Refused  # noqa: E402
from lrstudio.training import checkpoints  # noqa: E402
from lrstudio.training import preflight as record  # noqa: E402
from lrstudio.training.folder import RunFolder  # noqa: E402
from lrstudio.worker import preflight, zero3  # noqa: E402
from lrstudio.worker.ranks import ALONE  # noqa: E402
from lrstudio.worker.spread import spread  # noqa: E402
from lrstudio.worker.starting import wanted  # noqa: E402
from lrstudio.worker.tiny import tiny_model  # noqa: E402
from tests.doubles import shared_runs  # noqa: E402
from tests.doubles.shared_runs import CLOSE, alone, curve, evaluations, make, said, together  # noqa: E402

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft's
split = [
    pytest.mark.skipif(find_spec("deepspeed") is None, reason="deepspeed is not installed, and no dependency: ZeRO-3"),
    pytest.mark.skipif(sys.platform == "win32", reason="gloo and process groups as on Linux and macOS"),
]
FULL: dict[str, Any] = {**shared_runs.FULL, "weight_decay": 0.1}
TWO: dict[str, Any] = {"accumulation": 2, "processes": 2, "sharding": "zero3"}


def result(run: RunFolder, part: str) -> dict[str, Any]:
    paths = sorted((run.path / "result" / part).glob("*.safetensors"))
    return {name: it for path in paths for name, it in load_file(path).items()}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def runs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """Runs in two processes, all in the same two: starting them is what takes time."""
    home = tmp_path_factory.mktemp("runs")
    made = {
        "lora": make(home / "a" / "lora", tiny, **TWO, evaluate_every=2, pilot=True),
        "stopped": make(home / "b" / "stopped", tiny, **TWO, lora_dropout=0.2),
        "dropping": make(home / "c" / "dropping", tiny, **TWO, lora_dropout=0.2),
        "full": make(home / "d" / "full", tiny, **TWO, **FULL),
        "plain": make(home / "e" / "plain", tiny, **TWO, **FULL, engine="plain", max_grad_norm=0.01),
        "bf16": make(home / "f" / "bf16", tiny, **TWO, dtype="bf16", evaluate_every=2),
        "full_bf16": make(home / "g" / "full_bf16", tiny, **TWO, **FULL, dtype="bf16"),
        "over_a_step": make(home / "h" / "over", tiny, **TWO, loss="aot", nll_weight=0.0, checkpointing=False),
        "long": make(home / "i" / "long", tiny, long=True, **TWO, **FULL, max_steps=2, max_tokens=9000),
    }
    stops = ("stopped", "plain")
    jobs = [f"{run.path}:1:{2 if name in stops else 0}" for name, run in made.items()]
    together(2, *jobs, *(f"{made[name].path}:2:0" for name in stops))
    return made


@pytest.fixture(scope="module")
def one(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """The same rows to a step, in one process."""
    home = tmp_path_factory.mktemp("one")
    return {
        "lora": alone(make(home / "a" / "lora", tiny, evaluate_every=2)),
        "full": alone(make(home / "b" / "full", tiny, **FULL)),
        "plain": alone(make(home / "c" / "plain", tiny, **FULL, engine="plain", max_grad_norm=0.01)),
        "bf16": alone(make(home / "d" / "bf16", tiny, dtype="bf16", evaluate_every=2)),
        "full_bf16": alone(make(home / "e" / "full_bf16", tiny, **FULL, dtype="bf16")),
        "over_a_step": alone(make(home / "f" / "over", tiny, loss="aot", nll_weight=0.0)),
        "long": alone(make(home / "g" / "long", tiny, long=True, **FULL, max_steps=2, max_tokens=9000)),
    }


class TestSplit:
    """What needs the package."""

    pytestmark = split

    @pytest.mark.parametrize(
        ("name", "close"),
        [
            ("lora", CLOSE),
            ("full", CLOSE),
            ("plain", CLOSE),
            ("bf16", 1e-3),
            ("full_bf16", 1e-3),
            ("over_a_step", CLOSE),
            ("long", CLOSE),
        ],
    )
    def test_two_processes_have_the_losses_of_one_with_twice_the_rows(
        self, runs: dict[str, RunFolder], one: dict[str, RunFolder], name: str, close: float
    ) -> None:
        found = curve(runs[name], 1, 2)
        assert len(found) == (2 if name == "long" else 4), [it for it in said(runs[name]) if it["kind"] == "error"]
        assert found == pytest.approx(curve(one[name]), rel=close)
        norms = curve(runs[name], 1, 2, name="grad_norm")
        assert norms == pytest.approx(curve(one[name], name="grad_norm"), rel=10 * close)
        assert evaluations(runs[name]) == pytest.approx(evaluations(one[name]), rel=close)

    def test_stopped_and_taken_up_again_it_has_the_numbers_of_an_unbroken_run(self, runs: dict[str, RunFolder]) -> None:
        stopped, whole = runs["stopped"], runs["dropping"]
        assert list(curve(stopped)) == [1, 2]
        assert curve(stopped, 1, 2) == curve(whole)
        assert curve(whole) != pytest.approx(curve(runs["lora"]), rel=1e-3), "nothing was dropped"
        ours, theirs = result(stopped, "adapter"), result(whole, "adapter")
        assert all(torch.equal(it, theirs[name]) for name, it in ours.items())

    def test_weights_that_do_not_divide_evenly_go_on_where_they_were(self, tiny: Path, tmp_path: Path) -> None:
        three: dict[str, Any] = {**FULL, "accumulation": 2, "processes": 3, "sharding": "zero3"}
        run = make(tmp_path / "three" / "run", tiny, **three)
        together(3, f"{run.path}:1:2", f"{run.path}:2:0")
        whole = alone(make(tmp_path / "one" / "run", tiny, **FULL, accumulation=6))
        assert list(curve(run)) == [1, 2]
        assert curve(run, 1, 2) == pytest.approx(curve(whole), rel=CLOSE)

    def test_checkpoints_and_results_are_whole_and_as_one_process_leaves_them(
        self, runs: dict[str, RunFolder], one: dict[str, RunFolder]
    ) -> None:
        for name, part in (("lora", "adapter"), ("full", "model")):
            ours, theirs = result(runs[name], part), result(one[name], part)
            assert {key: it.shape for key, it in ours.items()} == {key: it.shape for key, it in theirs.items()}
            assert all(torch.allclose(it, theirs[key], atol=1e-5) for key, it in ours.items())
            states = []
            for run in (runs[name], one[name]):
                last = checkpoints.latest(run.path)
                assert last is not None
                assert checkpoints.verified(last)
                states.append(torch.load(last.path / "trainer.pt", weights_only=True)["optimizer"])
            assert states[0]["param_groups"] == states[1]["param_groups"]
            assert states[0]["state"].keys() == states[1]["state"].keys()
            for number, its in states[1]["state"].items():
                for key, it in its.items():
                    assert torch.allclose(states[0]["state"][number][key], it, rtol=1e-3, atol=1e-6), (number, key)

    def test_parity_is_a_check_of_preflight(self, runs: dict[str, RunFolder]) -> None:
        for name in ("lora", "plain"):
            found = record.read(runs[name].path)
            assert found is not None
            check = next(it for it in found.checks if it.name == "parity")
            assert check.passed
            assert "a step of 2 processes, zero3, is that of one" in check.said
            assert found.engine == ("plain" if name == "plain" else "shared")
            assert "deepspeed" in found.versions
        for run in runs.values():
            assert not [it for it in said(run, 1, 2) if it["kind"] == "error" or it.get("rule", "result") != "result"]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that has no deepspeed."""
    monkeypatch.setitem(sys.modules, "deepspeed", None)


@pytest.mark.usefixtures("without")
def test_without_the_package_it_is_refused_before_step_one_and_said_what_to_install(tiny: Path, tmp_path: Path) -> None:
    run = make(tmp_path / "home" / "run", tiny, **TWO)
    spec, options = wanted(run.path)
    found, ready = preflight.preflight(run.path, spec, options, ranks=ALONE)
    assert [it.name for it in found.checks if not it.passed] == ["versions"]
    assert found.problems[0].startswith("sharding: splitting weights by ZeRO-3 needs the package deepspeed")
    assert "pip install deepspeed" in found.problems[0]
    assert ready.model is None
    with pytest.raises(Refused, match="pip install deepspeed") as refused:
        spread(ALONE, None, options)
    assert refused.value.where == "sharding"


def test_a_package_that_is_too_old_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deepspeed").mkdir()
    (tmp_path / "deepspeed" / "__init__.py").write_text("")
    (tmp_path / "deepspeed-0.9.5.dist-info").mkdir()
    (tmp_path / "deepspeed-0.9.5.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: deepspeed\nVersion: 0.9.5\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        Refused, match=r"needs deepspeed 0\.19 or newer in the worker environment, and there is 0\.9\.5"
    ):
        zero3.look()
