"""Rules that see a run go wrong: pure functions over what it says, standard library only.

What was seen is a record that goes into a checkpoint and back, so that a run that goes on remembers. A rule speaks when
its condition begins to hold, and again only after it has ceased. Where the literature names no threshold, the default
is ours and is said so in the options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

OFF, WARN, STOP = "off", "warn", "stop"

DISPLACEMENT: Final = "displacement"
"""Likelihood displacement: chosen and rejected both fall while the margin grows (arXiv 2410.08847)."""
KL: Final = "kl"
"""The policy is further from its reference than a band, in nats for each answer token."""
ENTROPY: Final = "entropy"
"""The policy's distribution has narrowed against the first steps."""
OVERFIT: Final = "overfit"
"""Every pair is told apart, by a log-ratio margin beyond so many times 1 / beta."""
LENGTH: Final = "length"
"""The answers to held-out questions have another length than before training."""
REPETITION: Final = "repetition"
"""The answers to held-out questions say the same again."""

JUDGED: Final = "judged"
"""A judge gives the held-out answers less than before while the training margin rises (arXiv 2210.10760: a proxy reward
that goes on rising when the true one falls)."""

RULES: Final = (DISPLACEMENT, KL, ENTROPY, OVERFIT, LENGTH, REPETITION, JUDGED)

_WORDS: Final = 4
"""Tokens of one n-gram in `repetition`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What each rule does, off, warn or stop, and its thresholds."""

    does: Mapping[str, str]
    steps: int = 10
    displacement_below: float = 1.0
    kl_band: float = 0.5
    entropy_fall: float = 0.4
    overfit_margin: float = 10.0
    length_drift: float = 0.25
    repetition_above: float = 0.3
    judge_fall: float = 1.0

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Limits:
        """Take them from a recipe's options, settled."""
        names = [name for name in cls.__dataclass_fields__ if name not in ("does", "steps")]
        does = {rule: str(options[f"health_{rule}"]) for rule in RULES}
        return cls(does, options["health_steps"], **{name: options[name] for name in names})


@dataclass(frozen=True, slots=True)
class Answer:
    """The length of a sampled answer in tokens, and its `repetition`."""

    tokens: int
    repetition: float


@dataclass(frozen=True, slots=True)
class Look:
    """What one judge gave to the held-out answers of one step: rewards 0-10 by row, those that it could score.

    `margin` is the mean training margin of the steps up to this one, None where none was told of.
    """

    step: int
    rewards: Mapping[str, float]
    margin: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule has found: why, in a sentence, and whether it stops the run."""

    rule: str
    why: str
    step: int
    stops: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rules remember of a run.

    The windows hold the latest steps, at most as many as `Limits.steps`; `first_entropy` and `first_kl` are means over
    the first such window, `first_tokens` and `first_repetition` those of the answers before training.
    """

    chosen: tuple[float, ...] = ()
    margins: tuple[float, ...] = ()
    accuracies: tuple[float, ...] = ()
    kl: tuple[float, ...] = ()
    entropy: tuple[float, ...] = ()
    first_kl: float | None = None
    first_entropy: float | None = None
    first_tokens: float | None = None
    first_repetition: float | None = None
    speaking: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Seen:
        """Read what `row` returned; what is missing is as at the start."""
        known: dict[str, Any] = {
            name: tuple(row[name]) if isinstance(row[name], list) else row[name]
            for name in cls.__dataclass_fields__
            if name in row
        }
        return cls(**known)


def after_step(
    seen: Seen, limits: Limits, *, step: int, metrics: Mapping[str, float], from_zero: bool = True
) -> tuple[Seen, tuple[Finding, ...]]:
    """Take in the metrics of a step; return what is remembered now and what the rules have to say.

    Args:
        seen: what was remembered before.
        limits: of the rules.
        step: its number.
        metrics: of the step; the rewards are beta times the log-ratios.
        from_zero: the policy starts as its own reference; with LongPO, whose reference reads another prompt, it does
            not, and the drift counts from the first steps.
    """

    def window(values: tuple[float, ...], name: str) -> tuple[float, ...]:
        return (*values, float(metrics[name]))[-limits.steps :] if name in metrics else values

    now = replace(
        seen,
        chosen=window(seen.chosen, "rewards/chosen"),
        margins=window(seen.margins, "rewards/margins"),
        accuracies=window(seen.accuracies, "rewards/accuracies"),
        kl=window(seen.kl, "kl"),
        entropy=window(seen.entropy, "entropy"),
    )
    if now.first_kl is None and len(now.kl) == limits.steps:
        now = replace(now, first_kl=0.0 if from_zero else _mean(now.kl))
    if now.first_entropy is None and len(now.entropy) == limits.steps:
        now = replace(now, first_entropy=_mean(now.entropy))
    found = {
        DISPLACEMENT: _displaced(now, limits),
        KL: _drifted(now, limits),
        ENTROPY: _narrowed(now, limits),
        OVERFIT: _overfitted(now, limits),
    }
    return _spoken(now, limits, step, found)


def after_samples(
    seen: Seen, limits: Limits, *, step: int, answers: Sequence[Answer]
) -> tuple[Seen, tuple[Finding, ...]]:
    """Take in the answers to the held-out questions; the first ones, before training, are what later ones are held to.

    Args:
        seen: what was remembered before.
        limits: of the rules.
        step: behind which they were sampled.
        answers: to the same questions each time.
    """
    if not answers:
        return seen, ()
    tokens, repeated = _mean([it.tokens for it in answers]), _mean([it.repetition for it in answers])
    if seen.first_tokens is None or seen.first_repetition is None:
        return replace(seen, first_tokens=tokens, first_repetition=repeated), ()
    found = {LENGTH: "", REPETITION: ""}
    drift = tokens / seen.first_tokens - 1 if seen.first_tokens else 0.0
    if abs(drift) > limits.length_drift:
        word = "longer" if drift > 0 else "shorter"
        found[LENGTH] = (
            f"answers to held-out questions are {abs(drift):.0%} {word} than before training: {tokens:.0f} tokens "
            f"instead of {seen.first_tokens:.0f}"
        )
    if repeated > limits.repetition_above and repeated > seen.first_repetition:
        found[REPETITION] = (
            f"{repeated:.0%} of the runs of {_WORDS} tokens in the answers to held-out questions come a second time; "
            f"before training it was {seen.first_repetition:.0%}"
        )
    return _spoken(seen, limits, step, found)


def after_judging(limits: Limits, looks: Sequence[Look], *, judge: str) -> tuple[Finding, ...]:
    """Return every step at which `JUDGED` begins to hold, of all looks of one judge so far, steps rising.

    It holds where at two looks in a row the mean reward is below that of the best look before them by more than
    `judge_fall`, over the questions that were scored at all three, and the margin is above that of the best look. One
    look alone says nothing: answers to a few questions go up and down.

    This sees what a judge has seen, no more: nothing between the looks, nothing that the judge does not score, and
    nothing at all where nobody judges.
    """
    found: list[Finding] = []
    held = False
    for at in range(2, len(looks)):
        why = _falls(looks[: at - 1], looks[at - 1], looks[at], limits, judge) if limits.does[JUDGED] != OFF else ""
        if why and not held:
            found.append(Finding(JUDGED, why, looks[at].step, limits.does[JUDGED] == STOP))
        held = bool(why)
    return tuple(found)


def repetition(tokens: Sequence[int]) -> float:
    """Return the share of an answer's runs of four tokens that have come before in it; 0.0 below five tokens."""
    runs = [tuple(tokens[start : start + _WORDS]) for start in range(len(tokens) - _WORDS + 1)]
    return 1.0 - len(set(runs)) / len(runs) if len(runs) > 1 else 0.0


def _displaced(seen: Seen, limits: Limits) -> str:
    if len(seen.chosen) < limits.steps or max(seen.chosen) >= -limits.displacement_below:
        return ""
    half = len(seen.margins) // 2
    early, late = seen.margins[:half], seen.margins[half:]
    if not early or _mean(late) <= _mean(early):
        return ""
    return (
        f"the reward of chosen has been below -{limits.displacement_below:g} for {limits.steps} steps, now "
        f"{seen.chosen[-1]:.2f}, while the margin grows: both answers become less likely; weigh the likelihood of the "
        "chosen answer more, or lower the learning rate"
    )


def _drifted(seen: Seen, limits: Limits) -> str:
    if seen.first_kl is None:
        return ""
    drift = _mean(seen.kl) - seen.first_kl
    if abs(drift) <= limits.kl_band:
        return ""
    return (
        f"the policy is {drift:+.2f} nats for each answer token from its reference, over {limits.steps} steps; the "
        f"band is {limits.kl_band:g}; raise beta, or lower the learning rate"
    )


def _narrowed(seen: Seen, limits: Limits) -> str:
    if seen.first_entropy is None or seen.first_entropy <= 0:
        return ""
    fall = 1 - _mean(seen.entropy) / seen.first_entropy
    if fall <= limits.entropy_fall:
        return ""
    return (
        f"the entropy of the answers' tokens has fallen by {fall:.0%} since the first {limits.steps} steps, from "
        f"{seen.first_entropy:.2f} to {_mean(seen.entropy):.2f} nats"
    )


def _overfitted(seen: Seen, limits: Limits) -> str:
    if len(seen.accuracies) < limits.steps or min(seen.accuracies) < 1.0:
        return ""
    # Rewards are beta times log-ratios, so a log-ratio margin of m / beta is a reward margin of m.
    if min(seen.margins) <= limits.overfit_margin:
        return ""
    return (
        f"every pair of the last {limits.steps} steps is told apart by a margin above {limits.overfit_margin:g} / "
        "beta, where the loss is flat: the pairs are learnt by heart; an earlier checkpoint may be the better model"
    )


def _falls(before: Sequence[Look], last: Look, now: Look, limits: Limits, judge: str) -> str:
    asked = [it for it in before if it.rewards and it.margin is not None]
    best = max(asked, key=lambda it: _mean(list(it.rewards.values())), default=None)
    if best is None or best.margin is None or last.margin is None or now.margin is None:
        return ""
    rows = best.rewards.keys() & last.rewards.keys() & now.rewards.keys()
    if not rows or min(last.margin, now.margin) <= best.margin:
        return ""
    then, earlier, latest = (_mean([it.rewards[row] for row in rows]) for it in (best, last, now))
    if then - max(earlier, latest) <= limits.judge_fall:
        return ""
    questions = "one held-out question" if len(rows) == 1 else f"{len(rows)} held-out questions"
    return (
        f"the judge {judge} gives the answers to {questions} {latest:.1f} instead of {then:.1f} at step {best.step:,}, "
        f"and did so at step {last.step:,}, while the training margin has risen from {best.margin:.2f} to "
        f"{now.margin:.2f}: the pairs reward something that the judge does not; read the answers, and go back to a "
        "checkpoint before that"
    )


def _spoken(seen: Seen, limits: Limits, step: int, found: Mapping[str, str]) -> tuple[Seen, tuple[Finding, ...]]:
    """Keep what begins to hold, and remember which rules hold now."""
    holding = [rule for rule, why in found.items() if why]
    others = [rule for rule in seen.speaking if rule not in found]
    said = tuple(
        Finding(rule, found[rule], step, limits.does[rule] == STOP)
        for rule in holding
        if rule not in seen.speaking and limits.does[rule] != OFF
    )
    return replace(seen, speaking=tuple(sorted([*others, *holding]))), said


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
