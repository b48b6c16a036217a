"""Every loss is the one of TRL's own DPOTrainer: same models, same tokens, same number and same gradient."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
pytest.importorskip("trl", reason="trl is not installed: the extra `train` brings it")

from lrstudio.domain.errors import Refused  # noqa: E402
from lrstudio.training.recipes import LOSSES, recipe  # noqa: E402
from lrstudio.training.rows import Row  # noqa: E402
from lrstudio.worker import loading  # noqa: E402
from lrstudio.worker.conversations import Conversation, conversation  # noqa: E402
from lrstudio.worker.objective import check_options, cost, step_of  # noqa: E402
from lrstudio.worker.prefix import SharedPrefix  # noqa: E402
from lrstudio.worker.reference import Sums, reference_sums  # noqa: E402
from lrstudio.worker.tiny import tiny_model  # noqa: E402

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore")
WORDS = ["mud", "harbour", "forty", "tons", "dredged", "sea", "1911", "whales", "sang"]


def text(dice: random.Random, least: int, most: int) -> str:
    return " ".join(dice.choice(WORDS) for _ in range(dice.randint(least, most)))


def loud_model(folder: Path, *, seed: int) -> Path:
    """A tiny model with strong opinions, so that the ratios of two of them are far from zero."""
    model = loading.load_model(tiny_model(folder, seed=seed), recipe("dpo").settle({"method": "full"}))
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights *= 4
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    made = tmp_path_factory.mktemp("models")
    return loud_model(made / "policy", seed=1), loud_model(made / "reference", seed=1000)


@pytest.fixture(scope="module")
def rows(folders: tuple[Path, Path]) -> list[Conversation]:
    dice, tokenizer = random.Random(4), loading.load_tokenizer(folders[0])
    made = [
        Row(row_id=str(number), prompt=text(dice, 5, 40), chosen=text(dice, 1, 12), rejected=text(dice, 1, 12))
        for number in range(4)
    ]
    return [conversation(row, tokenizer) for row in made]


@pytest.fixture(scope="module")
def trainer(folders: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    import datasets
    import trl

    policy, reference = folders
    arguments = trl.DPOConfig(
        output_dir=str(tmp_path_factory.mktemp("trl")), bf16=False, use_cpu=True, report_to="none", max_length=None,
        gradient_checkpointing=False, per_device_train_batch_size=4,
    )  # fmt: skip
    rows = datasets.Dataset.from_list([{"prompt": "a", "chosen": "b", "rejected": "c"}] * 4)
    tokenizer = loading.load_tokenizer(policy)
    models = [loading.load_model(it, recipe("dpo").settle({"method": "full"})) for it in (policy, reference)]
    return trl.DPOTrainer(models[0], models[1].eval(), args=arguments, train_dataset=rows, processing_class=tokenizer)


def theirs(trainer: Any, rows: Sequence[Conversation], options: dict[str, Any]) -> tuple[float, Any, dict[str, float]]:
    """The loss, its gradient and the logged numbers of the real trainer on one batch of our tokens."""
    trainer.loss_types = list(options["loss"])
    trainer.loss_weights = [float(it) for it in options["loss_weights"]]
    trainer.beta, trainer.label_smoothing = options["beta"], options["label_smoothing"]
    trainer.ld_alpha = None if options["ld_alpha"] == 1.0 else options["ld_alpha"]
    trainer.args.discopop_tau = options["discopop_tau"]
    sequences = [(row.policy.prompt, row.policy.branches[side].tokens) for side in (0, 1) for row in rows]
    longest = max(len(prompt) + len(answer) for prompt, answer in sequences)

    def padded(values: Sequence[int]) -> list[int]:
        return [*values, *[0] * (longest - len(values))]

    inputs = {
        "input_ids": torch.tensor([padded([*prompt, *answer]) for prompt, answer in sequences]),
        "attention_mask": torch.tensor([padded([1] * (len(prompt) + len(answer))) for prompt, answer in sequences]),
        "completion_mask": torch.tensor(
            [padded([0] * len(prompt) + [1] * len(answer)) for prompt, answer in sequences]
        ),
    }
    trainer._metrics["train"].clear()
    model = trainer.model.train()
    model.zero_grad(set_to_none=True)
    loss = trainer.compute_loss(model, inputs)
    loss.backward()
    said = {name: values[-1] for name, values in trainer._metrics["train"].items()}
    return float(loss.detach()), gradients(model), said


def gradients(model: Any) -> Any:
    return torch.cat([it.grad.flatten() for it in model.parameters() if it.grad is not None])


@pytest.fixture(scope="module")
def engines(folders: tuple[Path, Path]) -> tuple[Any, SharedPrefix, SharedPrefix]:
    policy, reference = (loading.load_model(it, recipe("dpo").settle({"method": "full"})) for it in folders)
    return policy, SharedPrefix(policy), SharedPrefix(reference)


def ours(
    engines: tuple[Any, SharedPrefix, SharedPrefix], rows: Sequence[Conversation], options: dict[str, Any], run: Path
) -> tuple[float, Any, dict[str, float]]:
    model, engine, reference = engines
    known = reference_sums(reference, rows, run, go_on=lambda: True, ld_alpha=options["ld_alpha"])
    assert known is not None
    model.zero_grad(set_to_none=True)
    dealt: list[tuple[Conversation, Sums]] = list(zip(rows, known.sums, strict=True))
    step = step_of(engine, dealt, recipe="dpo", options=options)
    found = []
    for place, (row, its) in enumerate(dealt):
        one = cost(engine, row, its, recipe="dpo", options=options, step=step, place=place)
        (one.loss / len(rows)).backward()
        found.append(one.metrics)
    means = {name: sum(it[name] for it in found) / len(found) for name in found[0]}
    return means["loss"], gradients(model), means


def settled(**given: Any) -> dict[str, Any]:
    options = dict(recipe("dpo").settle({"nll_weight": 0.0, "beta": 0.1, **given}))
    check_options("dpo", options)
    return options


def agree(trainer: Any, engines: Any, rows: Sequence[Conversation], options: dict[str, Any], run: Path) -> None:
    value, gradient, said = theirs(trainer, rows, options)
    mine, mine_gradient, metrics = ours(engines, rows, options, run)
    assert mine == pytest.approx(value, rel=1e-5, abs=1e-5)
    norm = float(gradient.norm())
    assert norm > 0
    assert float((mine_gradient - gradient).norm()) <= 1e-4 * norm
    for name in ("rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies"):
        assert metrics[name] == pytest.approx(said[name], abs=1e-4)
    if len(rows) == 1:
        assert metrics["entropy"] == pytest.approx(said["entropy"], rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_trls(
    name: str, smoothing: float, trainer: Any, engines: Any, rows: list[Conversation], tmp_path: Path
) -> None:
    if name == "exo_pair" and smoothing == 0.0:
        with pytest.raises(Refused, match="label_smoothing above 0"):
            settled(loss=name)
        return
    options = settled(loss=name, label_smoothing=smoothing)
    # TRL takes the mean likelihood over the tokens of a batch, this trainer that of each row: the same for one row.
    agree(trainer, engines, rows[:1] if name == "sft" else rows, options, tmp_path)


@pytest.mark.parametrize(
    ("loss", "weights"),
    [("sigmoid,sft", "1.0,0.1"), ("sigmoid,bco_pair,sft", "0.8,0.2,1.0"), ("aot,apo_zero", "0.5,2.0")],
)
@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
def test_weighed_lists_and_tokens_beyond_the_shorter_answer_are_trls(
    loss: str, weights: str, alpha: float, trainer: Any, engines: Any, rows: list[Conversation], tmp_path: Path
) -> None:
    options = settled(loss=loss, loss_weights=weights, ld_alpha=alpha, label_smoothing=0.05)
    agree(trainer, engines, rows[1:2] if "sft" in loss else rows, options, tmp_path)


def test_longrewards_dpo_is_sigmoid_with_a_tenth_of_sft(
    trainer: Any, engines: Any, rows: list[Conversation], tmp_path: Path
) -> None:
    preset = dict(recipe("dpo").settle({}, preset="longreward"))
    listed = settled(loss="sigmoid,sft", loss_weights="1.0,0.1", beta=0.15)
    value, _, _ = theirs(trainer, rows[2:3], listed)
    mine, _, metrics = ours(engines, rows[2:3], preset, tmp_path)
    assert mine == pytest.approx(value, abs=1e-5)
    assert mine == pytest.approx(metrics["loss/preference"] + 0.1 * metrics["loss/nll"], abs=1e-6)


def test_the_part_of_each_loss_and_the_drift_per_token_are_said(
    engines: Any, rows: list[Conversation], tmp_path: Path
) -> None:
    options = settled(loss="sigmoid,apo_zero", loss_weights="1.0,0.5")
    _, _, said = ours(engines, rows[:1], options, tmp_path)
    assert said["loss"] == pytest.approx(said["loss/sigmoid"] + 0.5 * said["loss/apo_zero"], abs=1e-6)
    assert said["loss/preference"] == said["loss"]
    tokens = sum(len(it.tokens) for it in rows[0].policy.branches)
    assert said["kl"] == pytest.approx((said["rewards/chosen"] + said["rewards/rejected"]) / 0.1 / tokens, rel=1e-4)
    assert 0 < said["entropy"] < math.log(2048)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"loss": "sigmoid,ipo"}, "2 losses need as many weights"),
        ({"loss": "sigmoid,sigmoid", "loss_weights": "1,1"}, "none twice"),
        ({"loss_weights": "much"}, "loss_weights are numbers"),
        ({"loss_weights": "-1"}, "each 0 or more"),
        ({"loss_weights": "0"}, "every loss has the weight 0"),
        ({"loss": "robust", "label_smoothing": 0.5}, "below 0.5"),
        ({"loss": "sft", "nll_weight": 0.1}, "set nll_weight to 0"),
    ],
)
def test_losses_that_do_not_go_together_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        settled(**given)
