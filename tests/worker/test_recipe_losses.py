"""The losses against hand computations, with nothing but `math` on the other side."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")

from lrstudio.domain.errors import Refused  # noqa: E402
from lrstudio.training.recipes import LOSSES  # noqa: E402
from lrstudio.worker import losses  # noqa: E402
from lrstudio.worker.losses import Pair  # noqa: E402

SCORES = [1.0, 0.2, -0.5, -1.0, 0.3]


def pair(chosen: float, rejected: float, ours: float = 0.0, theirs: float = 0.0) -> Pair:
    return Pair(*(torch.tensor(it, dtype=torch.float64) for it in (chosen, rejected, ours, theirs)))


def oracle() -> dict[str, Any]:
    """Win rates of five answers with the scores above: the average over all five, the answer itself too."""
    beats = [[1 / (1 + math.exp(b - a)) for b in SCORES] for a in SCORES]
    rates = [sum(row) / 5 for row in beats]
    assert rates == pytest.approx([0.711307, 0.544352, 0.389345, 0.288477, 0.566520], abs=1e-6)
    return {"win": beats[0][3], "chosen_win": rates[0], "rejected_win": rates[3]}


@pytest.mark.parametrize(
    ("kind", "expected"), [("sppo", 43438.0397), ("sppo_single", 142731.6321), ("sppo_hard", 494020.0)]
)
def test_the_three_losses_of_sppo(kind: str, expected: float) -> None:
    loss = losses.sppo(pair(-96.0, -82.0, -100.0, -80.0), kind=kind, beta=1e-3, **oracle())
    assert float(loss) == pytest.approx(expected, abs=1e-3)


def test_hard_sppo_starts_at_exactly_half_a_million_and_soft_at_even_odds_stands_still() -> None:
    start = Pair(
        *(torch.tensor(it, requires_grad=True) for it in (-317.25, -411.5)), *map(torch.tensor, (-317.25, -411.5))
    )
    assert float(losses.sppo(start, kind="sppo_hard", beta=1e-3).detach()) == 500000.0
    soft = losses.sppo(start, kind="sppo", beta=1e-3, chosen_win=1.0, rejected_win=0.0)
    assert 2 * float(soft.detach()) == 500000.0
    losses.sppo(start, kind="sppo", beta=1e-3, chosen_win=0.5, rejected_win=0.5).backward()
    assert start.chosen.grad == 0
    assert start.rejected.grad == 0


def test_sppo_without_its_probabilities_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="chosen_win"):
        losses.sppo(pair(0, 0), kind="sppo", beta=1e-3, win=0.5)
    with pytest.raises(Refused, match="sppo_single, sppo_hard"):
        losses.sppo(pair(0, 0), kind="soft", beta=1e-3)


@pytest.mark.parametrize("turns", [1, 3])
def test_longpo_is_the_hand_computation(turns: int) -> None:
    # One number for each turn: policy on the long conversation, reference on each short prompt.
    ours = [[-4.25, -6.5], [-3.0, -3.5], [-9.0, -8.0]][:turns]
    theirs = [[-3.5, -7.25], [-2.0, -5.0], [-8.5, -9.5]][:turns]
    whole = [-2.0, -0.5, -4.0, -1.25]
    sums = [sum(it[number] for it in side) for side in (ours, theirs) for number in (0, 1)]
    total = losses.longpo_total(pair(*sums), torch.tensor(whole, dtype=torch.float64), beta=0.1, weight=0.01)
    margin = 0.1 * ((sums[0] - sums[2]) - (sums[1] - sums[3]))
    assert float(total) == pytest.approx(7.75 / 4 + 0.01 * math.log(1 + math.exp(-margin)), abs=1e-9)


def test_longpo_is_dpo_where_the_short_prompt_is_the_long_one() -> None:
    tokens, same = torch.tensor([-1.0, -2.0], dtype=torch.float64), pair(-3.0, -5.0, -3.5, -4.0)
    longpo = losses.longpo_total(same, tokens, beta=0.15, weight=1.0)
    assert float(longpo) == float(losses.sigmoid(same, beta=0.15) + losses.nll(tokens))


def test_rewards_are_beta_times_the_ratios() -> None:
    said = losses.sigmoid(pair(-4.0, -9.0, -5.0, -8.0), beta=0.1), pair(-4.0, -9.0, -5.0, -8.0).rewards(beta=0.1)
    assert said[1] == pytest.approx(
        {"rewards/chosen": 0.1, "rewards/rejected": -0.1, "rewards/margins": 0.2, "rewards/accuracies": 1.0}
    )
    assert float(said[0]) == pytest.approx(math.log(1 + math.exp(-0.2)))


def test_tokens_beyond_the_shorter_answer_weigh_alpha() -> None:
    chosen, rejected = torch.tensor([-1.0, -2.0, -4.0, -8.0]), torch.tensor([-1.0, -3.0])
    sums = [losses.length_desensitised(chosen, rejected, alpha=it) for it in (0.0, 0.25, 1.0)]
    assert [[float(side) for side in it] for it in sums] == [[-3.0, -4.0], [-6.0, -4.0], [-15.0, -4.0]]


def test_every_name_has_a_loss_and_dpo_starts_at_ln_2() -> None:
    assert {*losses.LOSSES, "sft"} == {*LOSSES}
    assert float(losses.sigmoid(pair(-4.5, -7.0, -4.5, -7.0), beta=0.15)) == pytest.approx(math.log(2))


def test_optimal_transport_sorts_the_rows_of_a_step() -> None:
    ours, theirs = [-4.0, -1.0, -2.5], [-3.0, -2.0, -6.0]
    rows = Pair(*(torch.tensor(it) for it in (ours, theirs, [-4.5, -2.0, -2.0], [-2.5, -2.0, -5.0])))
    knobs = losses.Knobs(0.5, label_smoothing=0.1)

    def smoothed(margin: float) -> float:
        return 0.9 * math.log(1 + math.exp(-0.5 * margin)) + 0.1 * math.log(1 + math.exp(0.5 * margin))

    odds, reference = sorted([-1.0, 1.0, 3.5]), sorted([-2.0, 0.0, 3.0])
    expected = [smoothed(a - b) for a, b in zip(odds, reference, strict=True)]
    assert losses.aot(rows, knobs).tolist() == pytest.approx(expected, rel=1e-6)
    chosen, rejected = sorted([0.5, 1.0, -0.5]), sorted([-0.5, 0.0, -1.0])
    expected = [smoothed(a - b) for a, b in zip(chosen, rejected, strict=True)]
    assert losses.aot_unpaired(rows, knobs).tolist() == pytest.approx(expected, rel=1e-6)
