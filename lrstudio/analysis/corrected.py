"""The true rate behind a judge that errs, from the judge's word on all items and a reviewer's on a random few.

Only items whose chance of being drawn for the audit was stored count as reviewed: decisions on items that somebody or
some queue chose say nothing about the others. An item drawn but not yet decided is taken to differ from the
decided ones by chance only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from lrstudio.analysis.estimates import MIN_OF_LABEL, Estimate, NotEnough, Result, too_few
from lrstudio.analysis.intervals import DRAWS, Floats, Grouping, Resampling, Seed, of_sums, shares_at_bound

_NO_AUDIT = (
    "None of the {decided} decided items was drawn at random, so that they say nothing about the others. "
    "Decide items from the random audit queue."
)
_NO_JUDGE = "The judge has no value for any item."
_AT_CHANCE = (
    "On the audited items the judge accepts {accepts:.0%} of what is true and {wrongly:.0%} of what is not: "
    "too close to chance to correct with."
)
_ONE_SIDED = "The audit has only {count} of the {least} items that are {word}, which the correction needs."


@dataclass(frozen=True, slots=True)
class Corrected:
    """A corrected rate beside what it is made from.

    `judged` is the judge's mean over all items, `reviewed` the reviewer's over the audited ones (weighted by 1 / chance
    of being drawn). `audited` items were used; `refused` were decided without a stored chance of being drawn.
    `weight` is how far the judge is trusted: the lambda of PPI++, 1 for Rogan and Gladen.
    """

    rate: Result
    judged: Result
    reviewed: Result
    audited: int
    refused: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class _Audit:
    """Columns of shape (n,): the judge's value, the reviewer's (0 where not audited), 1 / chance (0 likewise)."""

    grouping: Grouping
    judge: Floats
    reviewer: Floats
    inverse: Floats
    refused: int

    @property
    def drawn(self) -> NDArray[np.bool_]:
        return self.inverse > 0

    @property
    def count(self) -> int:
        return int(self.drawn.sum())

    @property
    def documents(self) -> int:
        """How many documents have an audited item."""
        return len(np.unique(self.grouping.index[self.drawn]))

    def lacks(self) -> NotEnough | None:
        """Return what is missing for any correction."""
        decided = self.count + self.refused
        if decided and not self.count:
            return NotEnough(_NO_AUDIT.format(decided=decided), 0, 0)
        return too_few(n=self.count, documents=self.documents)


def _audit(
    judge: ArrayLike, reviewer: ArrayLike, inclusion: ArrayLike, documents: Sequence[Any] | NDArray[Any]
) -> _Audit:
    said, decided, chance = (np.asarray(c, dtype=np.float64) for c in (judge, reviewer, inclusion))
    grouping = Grouping.of(np.asarray(documents))
    if not len(said) == len(decided) == len(chance) == grouping.n:
        raise ValueError("judge, reviewer, inclusion and documents differ in length")
    known = np.isfinite(chance)
    if np.any((chance[known] <= 0.0) | (chance[known] > 1.0)):
        raise ValueError("an inclusion probability lies outside (0, 1]")
    there = np.isfinite(decided)
    drawn = there & known
    inverse = np.where(drawn, 1.0 / np.where(drawn, chance, 1.0), 0.0)
    return _Audit(grouping, said, np.where(drawn, decided, 0.0), inverse, int(np.sum(there & ~known)))


def prediction_powered(
    judge: ArrayLike,
    reviewer: ArrayLike,
    inclusion: ArrayLike,
    *,
    documents: Sequence[Any] | NDArray[Any],
    seed: Seed = 0,
    draws: int = DRAWS,
) -> Corrected:
    """Estimate the mean of what the reviewer would say of all items by prediction-powered inference.

    PPI++ for a mean (Angelopoulos, Duchi and Zrnic, arXiv 2311.01453, section 4 and equation 6), with the reviewed part
    weighted by 1 / chance of being drawn (Hajek's ratio form) and the lambda that makes the variance between documents
    least. Unbiased whatever the judge says, so that an item without a judgment is given the judge's mean.

    Args:
        judge: the judge's value of every item, shape (n,), NaN where it has none: 0/1, a probability or a score.
        reviewer: the reviewer's value in the same unit, NaN where nothing was decided.
        inclusion: the stored chance in (0, 1] with which the item was drawn for the audit, NaN where none is stored.
        documents: the id of each item's document.
        seed: for the interval.
        draws: how many bootstrap samples.

    Raises:
        ValueError: a chance outside (0, 1], or columns of different lengths.
    """
    audit = _audit(judge, reviewer, inclusion, documents)
    resampling = Resampling(audit.grouping, seed, draws)
    lacking = audit.lacks()
    judged = _judged(audit, resampling)
    if lacking is None and not isinstance(judged, Estimate):
        lacking = judged
    if lacking is not None:
        return Corrected(lacking, judged, lacking, audit.count, audit.refused)
    said = np.where(np.isfinite(audit.judge), audit.judge, np.nanmean(audit.judge))
    audit = replace(audit, judge=said)
    sums = audit.grouping.sums(
        np.stack(
            [np.ones(len(said)), said, audit.inverse, audit.inverse * audit.reviewer, audit.inverse * said], axis=1
        )
    )
    weight = tuned_weight(sums)
    bounds = _bounds(audit)
    rate = resampling.estimate(
        of_sums(sums, lambda total: _powered(total, weight)), undefined="No item was audited.", bounds=bounds
    )
    if weight > 0.0 and bool(np.all(said[audit.drawn] == audit.reviewer[audit.drawn])):
        rate = _widened(rate, audit, bounds)
    return Corrected(rate, judged, _reviewed(sums, audit, resampling, bounds), audit.count, audit.refused, weight)


def _powered(total: Floats, weight: float) -> Floats:
    """Return the estimate from totals (..., 5): items, judge, 1/chance, reviewer/chance, judge/chance."""
    items, said, mass, decided, said_there = np.moveaxis(total, -1, 0)
    mass = np.where(mass > 0, mass, np.nan)
    return np.asarray((decided - weight * said_there) / mass + weight * said / items)


def tuned_weight(sums: Floats) -> float:
    """Return the lambda in [0, 1] that makes the variance of `prediction_powered` between documents least.

    Takes sums per document (documents, 5) with the columns of the estimate. It is the slope of the reviewed part's
    influence on the judged part's (PPI++, proposition 2, with documents for items).
    """
    items, said, mass, decided, said_there = sums.T
    reviewed = (decided - mass * decided.sum() / mass.sum()) / mass.sum()
    there = (said_there - mass * said_there.sum() / mass.sum()) / mass.sum()
    everywhere = (said - items * said.sum() / items.sum()) / items.sum()
    judged = there - everywhere
    spread = float((judged**2).sum())
    return float(np.clip((reviewed * judged).sum() / spread, 0.0, 1.0)) if spread > 0 else 0.0


def _judged(audit: _Audit, resampling: Resampling) -> Result:
    there = np.isfinite(audit.judge)
    sums = audit.grouping.sums(np.stack([there, np.where(there, audit.judge, 0.0)], axis=1))
    statistic = of_sums(sums, lambda total: total[..., 1] / np.where(total[..., 0] > 0, total[..., 0], np.nan))
    return resampling.estimate(statistic, undefined=_NO_JUDGE, bounds=_bounds(audit))


def _reviewed(sums: Floats, audit: _Audit, resampling: Resampling, bounds: tuple[float, float]) -> Result:
    result = resampling.estimate(
        of_sums(sums, lambda total: _powered(total, 0.0)), undefined="No item was audited.", bounds=bounds
    )
    if isinstance(result, Estimate) and bounds == (0.0, 1.0) and result.value in bounds:
        low, high = shares_at_bound(round(result.value), audit.documents)
        result = replace(result, low=low, high=high)
    return replace(result, n=audit.count, documents=audit.documents)


def _widened(rate: Result, audit: _Audit, bounds: tuple[float, float]) -> Result:
    """Add what an audit without any error of the judge leaves open: errors in as many documents as may have hidden."""
    if isinstance(rate, NotEnough):
        return rate
    _, hidden = shares_at_bound(0, audit.documents, level=rate.level)
    hidden *= float(np.ptp(audit.judge)) or 1.0
    return replace(rate, low=max(rate.low - hidden, bounds[0]), high=min(rate.high + hidden, bounds[1]))


def _bounds(audit: _Audit) -> tuple[float, float]:
    """Return 0 and 1 where all values are between them, as rates are; otherwise none."""
    values = np.concatenate([audit.judge[np.isfinite(audit.judge)], audit.reviewer])
    return (0.0, 1.0) if len(values) and values.min() >= 0.0 and values.max() <= 1.0 else (-math.inf, math.inf)


def rogan_gladen(
    judge: ArrayLike,
    reviewer: ArrayLike,
    inclusion: ArrayLike,
    *,
    documents: Sequence[Any] | NDArray[Any],
    seed: Seed = 0,
    draws: int = DRAWS,
    level: float = 0.95,
) -> Corrected:
    """Estimate the true share of "yes" from the judge's share and its rates on the audited items.

    (share + TNR - 1) / (TPR + TNR - 1) (Rogan and Gladen, American Journal of Epidemiology 107, 1978). The interval is
    the delta method's over documents with Student's t: it holds the uncertainty of the share, of both rates and of what
    they have in common. A rate of 1 without an exception adds the variance of one imagined exception (as in Lang and
    Reiczigel, Preventive Veterinary Medicine 113, 2014). Items that the judge did not decide are left out altogether.

    Arguments and errors are those of `prediction_powered`, values 0 or 1 only; a mean of scores is no rate.
    """
    audit = _audit(judge, reviewer, inclusion, documents)
    decided = np.isfinite(audit.judge)
    audit = _Audit(
        audit.grouping.kept(decided),
        audit.judge[decided],
        audit.reviewer[decided],
        audit.inverse[decided],
        audit.refused,
    )
    if not np.isin(np.concatenate([audit.judge, audit.reviewer]), (0.0, 1.0)).all():
        raise ValueError("Rogan and Gladen's estimate takes 0 and 1 only")
    resampling = Resampling(audit.grouping, seed, draws)
    judged = _judged(audit, resampling)
    lacking = audit.lacks() or _one_sided(audit)
    if lacking is not None:
        return Corrected(lacking, judged, lacking, audit.count, audit.refused)
    ones = np.ones(audit.grouping.n)
    reviewed = _reviewed(
        audit.grouping.sums(np.stack([ones, ones, audit.inverse, audit.inverse * audit.reviewer, ones], axis=1)),
        audit,
        resampling,
        (0.0, 1.0),
    )
    return Corrected(_rogan_gladen(audit, level), judged, reviewed, audit.count, audit.refused)


def _one_sided(audit: _Audit) -> NotEnough | None:
    yes = int(audit.reviewer[audit.drawn].sum())
    for count, word in ((yes, "true"), (audit.count - yes, "not true")):
        if count < MIN_OF_LABEL:
            sentence = _ONE_SIDED.format(count=count, least=MIN_OF_LABEL, word=word)
            return NotEnough(sentence, audit.count, audit.documents)
    return None


def _rogan_gladen(audit: _Audit, level: float) -> Result:
    grouping, said, truth, inverse = audit.grouping, audit.judge, audit.reviewer, audit.inverse
    yes, no = inverse * truth, inverse * (1.0 - truth)
    share = said.mean()
    tpr, tnr = float((yes * said).sum() / yes.sum()), float((no * (1.0 - said)).sum() / no.sum())
    youden = tpr + tnr - 1.0
    # How much each document moves the share and the two rates.
    of_share = grouping.sums(said - share) / grouping.n
    of_tpr = grouping.sums(yes * (said - tpr)) / yes.sum()
    of_tnr = grouping.sums(no * (1.0 - said - tnr)) / no.sum()
    documents = grouping.count
    t = float(stats.t.ppf(0.5 + level / 2, min(documents, audit.documents) - 1))
    small = documents / (documents - 1)
    extra_tpr = _hidden_variance(tpr, int((truth * audit.drawn).sum()))
    extra_tnr = _hidden_variance(tnr, int(((1.0 - truth) * audit.drawn).sum()))
    error = math.sqrt(small * float(((of_tpr + of_tnr) ** 2).sum()) + extra_tpr + extra_tnr)
    if youden - t * error <= 0.0:
        sentence = _AT_CHANCE.format(accepts=tpr, wrongly=1.0 - tnr)
        return NotEnough(sentence, audit.count, audit.documents)
    value = (share + tnr - 1.0) / youden
    moved = (of_share + of_tnr - value * (of_tpr + of_tnr)) / youden
    variance = small * float((moved**2).sum()) + (value**2 * extra_tpr + (1.0 - value) ** 2 * extra_tnr) / youden**2
    half = t * math.sqrt(variance)
    low, high, value = (float(np.clip(v, 0.0, 1.0)) for v in (value - half, value + half, value))
    return Estimate(value, low, high, grouping.n, documents, level)


def _hidden_variance(rate: float, count: int) -> float:
    """Return the variance of a rate that shows none because it is 0 or 1, with one imagined item of each kind added."""
    if 0.0 < rate < 1.0:
        return 0.0
    shifted = (rate * count + 1.0) / (count + 2.0)
    return shifted * (1.0 - shifted) / (count + 2.0)
