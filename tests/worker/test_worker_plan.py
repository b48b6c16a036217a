"""Steps of pairs: rows of one question come together, the plan is the same whenever it is made, numbers stay."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
transformers = pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")
pytest.importorskip("peft", reason="peft is not installed: the extra `train` brings it")

from lrstudio.training.recipes import recipe  # noqa: E402
from lrstudio.training.rows import Row  # noqa: E402
from lrstudio.worker import loading, plan  # noqa: E402
from lrstudio.worker.bench import main as bench  # noqa: E402
from lrstudio.worker.bench import out_of_memory, random_tree  # noqa: E402
from lrstudio.worker.conversations import Remembering, conversation  # noqa: E402
from lrstudio.worker.prefix import SharedPrefix  # noqa: E402
from lrstudio.worker.preparing import numbers  # noqa: E402
from lrstudio.worker.tiny import tiny_model  # noqa: E402

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft's


def test_rows_of_one_prompt_come_in_one_step_and_every_row_comes_once_in_an_epoch() -> None:
    options = recipe("dpo").settle({"epochs": 2.0, "accumulation": 4})
    prompts = ["a", "b", "a", "c", "b", "a", "d", "a", "b", "e", "b", "f"]
    lengths = [10 + number for number in range(len(prompts))]
    steps = plan.plan(lengths, options, prompts=prompts).rows
    assert steps == plan.plan(lengths, options, prompts=list(prompts)).rows
    order = list(itertools.chain(*steps))
    assert sorted(order) == sorted([*range(12), *range(12)])
    assert order[0] == 11, "the longest comes first"
    shared = sum(len(plan.groups([prompts[it] for it in step])) for step in steps)
    apart = sum(len(plan.groups([prompts[it] for it in step])) for step in plan.plan(lengths, options).rows)
    assert shared < apart, "fewer documents are computed"
    assert plan.groups(["x", "y", "x"]) == [[0, 2], [1]]


def test_a_question_with_more_pairs_than_a_step_has_is_dealt_over_several() -> None:
    options = recipe("dpo").settle({"accumulation": 2})
    steps = plan.plan([5] * 5, options, prompts=["a"] * 5).rows
    assert sorted(itertools.chain(*steps)) == [0, 1, 2, 3, 4]
    assert [len(it) for it in steps] == [2, 2, 1]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def test_the_largest_pass_is_known_before(tiny: Path) -> None:
    tokenizer = loading.load_tokenizer(tiny)
    one = Row(row_id="a", prompt="mud " * 60, chosen="yes", rejected="no " * 20)
    rows = [
        one,
        replace(one, row_id="b", chosen="perhaps " * 9),
        Row(row_id="c", prompt="sea " * 70, chosen="x", rejected="y"),
    ]
    options = recipe("dpo").settle({"accumulation": 4})
    ready = [conversation(row, tokenizer) for row in rows]
    assert [it.row.row_id for it in plan.largest(ready, options)] in (["a", "b"], ["b", "a"])


def test_remembering_changes_no_token_and_keeps_one_object_for_each(tiny: Path) -> None:
    tokenizer = loading.load_tokenizer(tiny)
    remembering = Remembering(tokenizer)
    row = Row(row_id="a", prompt="The harbour " * 30, chosen="Mud.", rejected="Whales.", system="Short.")
    ours, theirs = conversation(row, remembering), conversation(row, tokenizer)
    assert ours == theirs
    again = conversation(replace(row, row_id="b", chosen="Sea."), remembering)
    assert again.policy.prompt is ours.policy.prompt


@pytest.mark.parametrize("method", ["full", "lora"])
def test_inputs_of_layers_in_host_memory_change_no_number(
    method: str, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A processor has no pinned memory, so the library's store is asked for plain memory, and counts what it takes."""
    kept: list[tuple[int, ...]] = []

    class Store(torch.autograd.graph.save_on_cpu):  # type: ignore[misc]
        def __init__(self, **_: Any) -> None:
            super().__init__(pin_memory=False)
            inner = self.pack_hook

            def pack(tensor: Any) -> Any:
                kept.append(tuple(tensor.shape))
                return inner(tensor)

            self.pack_hook = pack

    monkeypatch.setattr("transformers.modeling_utils.save_on_cpu", Store)
    found = []
    for offload in (False, True):
        model = loading.load_model(tiny, recipe("dpo").settle({"method": method, "dtype": "fp32"}))
        loading.recompute(model, offload=offload)
        tree = random_tree(200, answer=40, vocabulary=500)
        chosen, rejected = SharedPrefix(model).score(tree).sums()
        (chosen - 0.5 * rejected).backward()
        found.append([it.grad for it in model.parameters() if it.grad is not None])
        tokens = sum(tree.spans)
        layers = loading.base(model).config.num_hidden_layers
        assert kept.count((1, tokens, 64)) == (layers if offload else 0)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert len(found[0]) > 10


def test_adapters_read_bfloat16_as_it_comes_and_give_the_same_numbers(tiny: Path) -> None:
    options = recipe("dpo").settle({"dtype": "bf16", "checkpointing": True})
    model = loading.load_model(tiny, options)
    loading.recompute(model)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            weights.data.normal_(std=0.02)
    tree, widths = random_tree(200, answer=40, vocabulary=500), []
    model.base_model.model.model.layers[0].mlp.down_proj.lora_A["default"].register_forward_pre_hook(
        lambda _, given: widths.append(given[0].dtype)
    )

    def step() -> tuple[float, list[Any]]:
        model.zero_grad(set_to_none=True)
        with numbers(options):
            loss = SharedPrefix(model).score(tree).sums()[0]
        loss.backward()
        return float(loss.detach()), [it.grad for it in model.parameters() if it.grad is not None]

    wide = step()
    assert set(widths) == {torch.float32}
    widths.clear()
    with loading.narrow_inputs(model, options):
        narrow = step()
    assert set(widths) == {torch.bfloat16}
    assert narrow[0] == wide[0]
    assert all(torch.equal(a, b) for a, b in zip(narrow[1], wide[1], strict=True))
    assert len(wide[1]) == sum(it.requires_grad for it in model.parameters())


def test_long_rows_are_offloaded_by_themselves_only_with_a_card(tiny: Path) -> None:
    options = recipe("dpo").settle({})
    assert options["offload"] == "auto"
    assert loading.offloads(options, longest=100_000) is torch.cuda.is_available()
    assert not loading.offloads(options, longest=1000)
    assert not loading.offloads({**options, "offload": "off"}, longest=100_000)
    assert not loading.offloads({**options, "checkpointing": False}, longest=100_000)


def test_the_measurement_prints_a_table_on_any_computer(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(["--tiny", "--tokens", "64,96", "--rounds", "1", "--device", "cpu"]) == 0
    title, empty, *table = capsys.readouterr().out.splitlines()
    assert title.startswith("processor, 1 threads; torch")
    assert empty == ""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert [row[:3] for row in cells[2:]] == [
        ["64", "plain", "off"], ["64", "shared", "off"], ["96", "plain", "off"], ["96", "shared", "off"]
    ]  # fmt: skip
    assert {len(row) for row in cells} == {6}
    assert all(float(row[4]) >= 0 and float(row[5].replace(",", "")) > 0 for row in cells[2:])


def test_memory_that_is_not_enough_is_told_from_other_errors() -> None:
    assert out_of_memory(MemoryError())
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"))
    assert not out_of_memory(RuntimeError("shapes cannot be multiplied"))
