"""What is wrong with a run is said before step one, in a sentence that says what to do; a look changes nothing."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
transformers = pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")
pytest.importorskip("peft", reason="peft is not installed: the extra `train` brings it")

from lrstudio.domain.errors import Refused  # noqa: E402
from lrstudio.training import preflight as record  # noqa: E402
from lrstudio.training import wire  # noqa: E402
from lrstudio.training.estimate import Pace  # noqa: E402
from lrstudio.training.folder import RunFolder  # noqa: E402
from lrstudio.training.preflight import Preflight  # noqa: E402
from lrstudio.training.recipes import recipe  # noqa: E402
from lrstudio.training.rows import Row, line_of  # noqa: E402
from lrstudio.worker import loading, pilot, preflight, sizes  # noqa: E402
from lrstudio.worker.__main__ import main  # noqa: E402
from lrstudio.worker.conversations import conversation  # noqa: E402
from lrstudio.worker.prefix import SharedPrefix  # noqa: E402
from lrstudio.worker.preparing import NowAndThen, Rows  # noqa: E402
from lrstudio.worker.starting import wanted  # noqa: E402
from lrstudio.worker.tiny import tiny_model  # noqa: E402
from tests.doubles.ready_workers import python, worker  # noqa: E402

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft's
OPTIONS: dict[str, Any] = {"dtype": "fp32", "accumulation": 2, "max_steps": 3, "lora_r": 4, "learning_rate": 1e-3}
DOCUMENT = "The harbour was dredged in 1911, and forty tons of mud were carried out to sea. "


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def copied(tiny: Path, tmp_path: Path) -> Path:
    """A model folder that a test may spoil."""
    return Path(shutil.copytree(tiny, tmp_path / "model"))


def rows(count: int = 4) -> list[Row]:
    return [
        Row(row_id=f"r{number}", prompt=DOCUMENT * (2 + number) + "What was dredged?", chosen=f"The harbour, {number}.",
            rejected="Whales sang " * (1 + number), short=DOCUMENT + "What was dredged?")
        for number in range(count)
    ]  # fmt: skip


def make(path: Path, model: Path, *, kind: str = "dpo", given: list[Row] | None = None, **options: Any) -> RunFolder:
    spec = wire.Spec(
        run_id=path.name, recipe=kind, model=str(model), command=(sys.executable, "-m", "lrstudio.worker"),
        options=OPTIONS | options, threads=1,
    )  # fmt: skip
    return RunFolder.create(path, spec, pairs=[line_of(row) for row in (rows() if given is None else given)])


def look(run: RunFolder) -> Preflight:
    """The preflight of a run, as its file in the run folder says."""
    assert main([str(run.path), "--preflight"]) == 0
    found = record.read(run.path)
    assert found is not None
    return found


def failed(run: RunFolder) -> dict[str, str]:
    return {it.name: it.said for it in look(run).checks if not it.passed}


def test_a_run_with_nothing_wrong_passes_every_check_and_says_what_it_will_take(tiny: Path, tmp_path: Path) -> None:
    run = make(tmp_path / "run", tiny)
    found = look(run)
    assert [it.name for it in found.checks] == [it for it in record.CHECKS if it != "parity"], "of several processes"
    assert found.ok, found.problems
    assert (found.rows, found.kept, found.cut, found.dropped) == (4, 4, (), ())
    assert found.histogram == ((1024, 4),)
    assert found.unaccepted({}) == {}
    assert (found.engine, found.device) == ("shared", "cpu")
    tokenizer = loading.load_tokenizer(tiny)
    lengths = [conversation(row, tokenizer).tokens for row in rows()]
    assert (found.longest, found.tokens) == (max(lengths), sum(lengths))
    assert found.memory_gib == found.formula_gib
    for number in (found.memory_gib, found.peak_gib, found.seconds, found.device_gib):
        assert number is not None
        assert number > 0
    assert found.versions["torch"] == torch.__version__
    assert not list(run.path.glob("spool/*")), "a look says nothing as an attempt"
    assert not list(run.path.glob(".*"))


@pytest.mark.parametrize(
    ("options", "passes", "references"),
    [
        ({"rounds": 3, "max_steps": 0}, 3, 3),
        ({"rounds": 3, "max_steps": 0, "round_questions": "parts"}, 1, 1),
        ({"rounds": 3, "max_steps": 2, "accumulation": 3}, 6, 3),
        ({"rounds": 0, "max_steps": 0}, 1, 1),
    ],
)
def test_the_time_of_self_play_is_that_of_all_rounds(
    tiny: Path, options: dict[str, Any], passes: float, references: float
) -> None:
    tokenizer = loading.load_tokenizer(tiny)
    training = tuple(conversation(row, tokenizer) for row in rows(3))
    kept = Rows(training=training, held_out=(), lengths=(), cut=(), dropped=(), limit=0)
    once = sum(it.computed for it in training)
    settled = recipe("sppo").settle(options)
    assert pilot.whole_run(Pace(1.0, 0.0), kept, settled) == pytest.approx(once * (passes + references / 3))


def test_a_pilot_step_leaves_weights_gradients_and_dice_as_they_were(tiny: Path, tmp_path: Path) -> None:
    _, options = wanted(make(tmp_path / "run", tiny, lora_dropout=0.5).path)
    model = loading.load_model(tiny, options)
    pairs = [conversation(row, loading.load_tokenizer(tiny)) for row in rows(2)]
    weights = {name: it.detach().clone() for name, it in model.named_parameters()}
    dice = torch.get_rng_state()
    found = pilot.pilot(model, SharedPrefix(model), pairs[1:], "dpo", options)
    assert (found.tokens, found.seconds > 0, found.peak > 0) == (sum(pairs[1].policy.spans), True, True)
    assert torch.equal(torch.get_rng_state(), dice)
    assert all(it.grad is None for it in model.parameters())
    assert all(torch.equal(it, weights[name]) for name, it in model.named_parameters())
    assert model.training


def losses(run: RunFolder) -> list[str]:
    with worker(run, 1) as process:
        assert process.wait() == 0, (run.path / wire.LOG).read_text()
    said = [json.loads(line) for line in run.spool(1).read_text(encoding="ascii").splitlines()]
    kinds = [it["kind"] for it in said]
    assert kinds.count("preflight") == 1
    assert kinds.index("preflight") < kinds.index("metric")
    assert [it["engine"] for it in said if it["kind"] == "engine"] == ["shared"]
    first = next(it["metrics"] for it in said if it["kind"] == "metric")
    assert first["seconds"] > 0
    assert first["tokens_per_second"] > 0
    return [float(it["metrics"]["loss"]).hex() for it in said if it["kind"] == "metric"]


def test_the_losses_are_the_same_with_a_pilot_and_without(tiny: Path, tmp_path: Path) -> None:
    options = {"lora_dropout": 0.2}
    with_pilot = losses(make(tmp_path / "a" / "run", tiny, **options))
    without = losses(make(tmp_path / "b" / "run", tiny, pilot=False, **options))
    assert with_pilot == without
    assert len(set(with_pilot)) == 3


def test_rows_that_are_too_long_are_named_and_must_be_accepted(tiny: Path, tmp_path: Path) -> None:
    found = look(make(tmp_path / "dropped", tiny, max_tokens=100))
    assert found.dropped
    assert found.rows == found.kept + len(found.dropped)
    assert found.longest <= 100
    assert sum(count for _, count in found.histogram) == found.rows
    assert found.unaccepted({}) == {"accept_dropped": len(found.dropped)}
    assert "r3" in next(it.said for it in found.checks if it.name == "rows")


def test_rows_can_be_cut_in_the_middle_of_their_prompt_but_never_in_an_answer(tiny: Path, tmp_path: Path) -> None:
    tokenizer = loading.load_tokenizer(tiny)
    row = conversation(rows()[3], tokenizer)
    cut = row.cut(100)
    assert cut is not None
    assert cut.tokens == 100
    assert cut.policy.branches == row.policy.branches
    half = len(cut.policy.prompt) // 2
    assert cut.policy.prompt[:half] == row.policy.prompt[:half]
    assert cut.policy.prompt[half:] == row.policy.prompt[-(len(cut.policy.prompt) - half) :]
    assert row.cut(70) is None, "too little would be left of the prompt"
    longpo = conversation(rows()[3], tokenizer, short_reference=True)
    assert longpo.cut(100) is None, "LongPO never cuts"
    found = look(make(tmp_path / "run", tiny, max_tokens=100, too_long="cut"))
    assert found.cut == look(make(tmp_path / "other", tiny, max_tokens=100)).dropped
    assert found.dropped == ()
    assert found.kept == 4
    assert found.unaccepted({"accept_cut": 0}) == {"accept_cut": len(found.cut)}


def test_a_row_longer_than_the_model_was_built_for_counts_as_too_long(copied: Path, tmp_path: Path) -> None:
    path = copied / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"max_position_embeddings": 100}))
    assert look(make(tmp_path / "run", copied)).dropped
    assert look(make(tmp_path / "asked", copied, max_tokens=5000)).dropped == ()


def test_no_chat_template_no_tokenizer_and_no_folder(copied: Path, tmp_path: Path) -> None:
    (copied / "chat_template.jinja").unlink()
    assert "add chat_template.jinja" in failed(make(tmp_path / "bare", copied))["template"]
    for path in copied.glob("tokenizer*"):
        path.unlink()
    assert "no tokenizer that can be loaded" in failed(make(tmp_path / "none", copied))["template"]
    assert "no model folder" in failed(make(tmp_path / "gone", tmp_path / "nowhere"))["template"]


def test_a_template_that_changes_what_was_said_names_the_row(copied: Path, tmp_path: Path) -> None:
    (copied / "chat_template.jinja").write_text(
        "{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}"
    )
    assert failed(make(tmp_path / "run", copied))["template"].startswith("r0: the model's chat template changes")


def test_a_tokenizer_that_loses_characters_is_refused(copied: Path, tmp_path: Path) -> None:
    path = copied / "tokenizer.json"
    spoilt = json.loads(path.read_text(encoding="utf-8"))
    spoilt["normalizer"] = {"type": "Replace", "pattern": {"String": "mud"}, "content": ""}
    path.write_text(json.dumps(spoilt), encoding="utf-8")
    said = failed(make(tmp_path / "run", copied))["template"]
    assert "does not give back the text of 4 rows (r0, r1, r2, r3)" in said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, "does not write text from left to right"),
        ({"model_type": "llama", "architectures": ["LlamaForSequenceClassification"]}, "does not write text"),
        ({"model_type": "not-yet-invented"}, "no language model that is known here"),
    ],
)
def test_a_model_of_another_kind(changed: dict[str, Any], said: str, copied: Path, tmp_path: Path) -> None:
    path = copied / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    assert said in failed(make(tmp_path / "run", copied))["model"]


def test_missing_and_broken_weights(copied: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = copied / "model.safetensors"
    weights = load_file(path)
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, path, metadata={"format": "pt"})
    said = failed(make(tmp_path / "part", copied))["model"]
    assert "1 weights of the model are missing (model.layers.1.mlp.up_proj.weight" in said
    path.write_bytes(path.read_bytes()[:5000])
    assert "fetch its files again" in failed(make(tmp_path / "broken", copied))["model"]
    path.unlink()
    assert "fetch its files again" in failed(make(tmp_path / "gone", copied))["model"]


def test_a_gpu_that_is_not_there(tiny: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    said = failed(make(tmp_path / "run", tiny, device="cuda"))
    assert list(said) == ["device"]
    assert "set device to cpu" in said["device"]


def test_four_bits_without_bitsandbytes(tiny: Path, tmp_path: Path) -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("bitsandbytes may be usable here")
    said = failed(make(tmp_path / "run", tiny, method="qlora"))
    assert "bitsandbytes" in said["versions"]


def test_two_answers_that_are_one_and_no_rows_at_all(tiny: Path, tmp_path: Path) -> None:
    same = [replace(rows()[0], rejected=rows()[0].chosen), rows()[1]]
    assert "the same answer in 1 row (r0)" in failed(make(tmp_path / "same", tiny, given=same))["ids"]
    assert "choose a set with pairs" in failed(make(tmp_path / "none", tiny, given=[]))["template"]


def test_longpo_needs_its_short_prompts(tiny: Path, tmp_path: Path) -> None:
    assert look(make(tmp_path / "run", tiny, kind="longpo")).ok
    odd = Path(shutil.copytree(tiny, tmp_path / "odd"))
    template = (tiny / "chat_template.jinja").read_text().replace("message['content']", "message['content'] + mark")
    mark = "{% set mark = '!' if messages[0].content | length > 150 else '' %}"
    (odd / "chat_template.jinja").write_text(mark + template)
    found = failed(make(tmp_path / "other", odd, kind="longpo"))
    assert list(found) == ["ids"]
    assert "differently behind the short prompt" in found["ids"]
    bare = [replace(row, short="") for row in rows()]
    assert "short prompt of every turn" in failed(make(tmp_path / "bare", tiny, kind="longpo", given=bare))["template"]


def test_a_file_that_may_not_grow_so_large_is_a_full_disk(tiny: Path, tmp_path: Path) -> None:
    """A limit on the size of files is what a full disk is to the process; it needs no rights to set up."""
    run = make(tmp_path / "run", tiny, method="full")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        said = failed(run)["disk"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "free some space" in said
    assert "file too large" in said
    assert not list(run.path.glob(".*")), "nothing of the trial stays"


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="a disk of its own needs root on Linux")
def test_a_disk_with_too_little_space_ends_the_run_before_step_one(tiny: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    try:
        run = make(disk / "run", tiny, method="full")
        with worker(run, 1) as process:
            assert process.wait() == 1
        said = [json.loads(line) for line in run.spool(1).read_text(encoding="ascii").splitlines()]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert (said[-1]["kind"], said[-1]["reason"]) == ("error", "refused")
    assert "the disk has no room for this run" in said[-1]["why"]
    assert "metric" not in [it["kind"] for it in said]


def test_memory_is_learnt_from_the_runs_beside_this_one_on_the_same_device(tiny: Path, tmp_path: Path) -> None:
    other = Preflight(rows=1, kept=1, device="card", formula_gib=2.0, peak_gib=3.0)
    for number, device in enumerate(("card", "card", "another")):
        folder = tmp_path / f"run{number}"
        folder.mkdir()
        record.write(folder, replace(other, device=device))
    (tmp_path / "spoilt").mkdir()
    (tmp_path / "spoilt" / record.PREFLIGHT).write_text("{")
    assert preflight.earlier(tmp_path / "run0", "card") == [(2.0, 3.0)]
    assert preflight.earlier(tmp_path / "new", "card") == [(2.0, 3.0), (2.0, 3.0)]


def test_the_weights_of_an_adapter_are_counted_without_loading_a_model(tiny: Path, tmp_path: Path) -> None:
    for more in ({}, {"lora_targets": "q_proj, v_proj"}, {"method": "full"}):
        _, options = wanted(make(tmp_path / f"run{len(str(more))}", tiny, **more).path)
        model = loading.load_model(tiny, options)
        trained = sum(it.numel() for it in model.parameters() if it.requires_grad)
        assert sizes.sizes(tiny, options).trained == trained


def test_a_folder_that_is_no_run_is_one_line_on_the_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), "--preflight"]) == 1
    said = capsys.readouterr().err
    assert "this is no run folder" in said
    assert said.count("\n") == 1


def test_a_look_says_what_it_does_line_by_line(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    look(make(tmp_path / "run", tiny))
    said = [line.removeprefix(record.TOLD) for line in capsys.readouterr().out.splitlines()]
    wanted_in_order = [
        "loading torch",
        "loading the tokenizer",
        "counting the rows",
        "1 of 4 rows put into tokens",
        "4 of 4 rows put into tokens",
        "4 of 4 rows put back into text",
        "loading the model, ",
        "comparing ",
        "pilot step on the longest pair, ",
        "pilot step on the pair of middle length, ",
    ]
    places = [next(at for at, line in enumerate(said) if line.startswith(it)) for it in wanted_in_order]
    assert places == sorted(places)


def test_many_rows_are_told_of_now_and_then() -> None:
    said: list[str] = []
    told = NowAndThen(said.append, "counted")
    for done in range(5001):
        told(done, 5000)
    assert said[0] == "0 of 5,000 rows counted"
    assert said[-1] == "5,000 of 5,000 rows counted"
    assert len(said) < 20


def test_a_look_ends_with_whoever_asked_for_it(tiny: Path, tmp_path: Path) -> None:
    run = make(tmp_path / "run", tiny, given=rows(300))  # a look at so many takes some seconds
    words = [str(python()), "-m", "lrstudio.worker", str(run.path), "--preflight", "--attended"]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(120) == 1
    assert record.read(run.path) is None


def test_a_card_in_another_place_is_refused_by_name() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert loading.device("auto") == loading.device("cpu") == "cpu"
    with pytest.raises(Refused, match=r"built without CUDA|no card is seen"):
        loading.device("cuda")
