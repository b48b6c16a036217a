"""When a judge may decide alone: how many items it can take at a promised error, the rest going to a person."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from lrstudio.analysis.estimates import NotEnough, too_few
from lrstudio.analysis.intervals import Floats, Grouping

CONFIDENCE = 0.9
"""How surely the error among the accepted items stays below what was asked for."""


class Promise(StrEnum):
    """What the error is a share of.

    OF_ALL: of all items of a document, a new document's wrongly accepted ones are expected to be at most the error:
        conformal risk control (Angelopoulos et al., arXiv 2208.02814, equation 4) with documents as what is exchanged,
        exact for any number of documents.
    OF_ACCEPTED: of the accepted items, at most the error are wrong, with probability `CONFIDENCE`: thresholds are tried
        from the strictest on until the upper Clopper-Pearson end, with items counted down for what they share within
        documents (Korn and Graubard, Survey Methodology 24, 1998), passes the error (Learn then Test,
        arXiv 2110.01052).
    """

    OF_ALL = "of_all"
    OF_ACCEPTED = "of_accepted"


@dataclass(frozen=True, slots=True)
class AutoAccept:
    """The judge decides items of confidence `threshold` and above alone.

    On the `n` items of `documents` documents that it was set on, that is the share `accepted`, of which the share
    `wrong` was wrong. `max_error` is what was promised, in the sense of `promise`.
    """

    threshold: float
    accepted: float
    wrong: float
    max_error: float
    promise: Promise
    n: int
    documents: int


def auto_accept(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    documents: Sequence[Any] | NDArray[Any],
    max_error: float = 0.05,
    promise: Promise = Promise.OF_ACCEPTED,
) -> AutoAccept | NotEnough:
    """Find the lowest confidence from which on a judge may decide alone.

    Args:
        confidence: of each decided item, shape (n,), higher is surer; NaN is never accepted.
        correct: whether the judge was right by the reviewer, shape (n,). The items must be drawn like those to come: a
            random audit, not a queue of doubtful ones.
        documents: the id of each item's document.
        max_error: the greatest share of errors, in (0, 1).
        promise: what it is a share of.

    Raises:
        ValueError: columns of different lengths or an error outside (0, 1).
    """
    sure, right = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=bool)
    if not len(sure) == len(right) == len(documents):
        raise ValueError("confidence, correct and documents differ in length")
    if not 0.0 < max_error < 1.0:
        raise ValueError(f"an error of {max_error} is outside (0, 1)")
    grouping = Grouping.of(np.asarray(documents))
    missing = too_few(n=grouping.n, documents=grouping.count)
    if missing:
        return missing
    find = _of_all if promise is Promise.OF_ALL else _of_accepted
    threshold = find(np.where(np.isfinite(sure), sure, -np.inf), ~right, grouping, max_error)
    if isinstance(threshold, NotEnough):
        return threshold
    taken = sure >= threshold
    return AutoAccept(
        threshold,
        float(taken.mean()),
        float((~right[taken]).mean()),
        max_error,
        promise,
        grouping.n,
        grouping.count,
    )


def _of_all(sure: Floats, wrong: NDArray[np.bool_], grouping: Grouping, max_error: float) -> float | NotEnough:
    least = math.ceil(1.0 / max_error) - 1
    if grouping.count < least:
        sentence = f"An error of {max_error:.0%} can be promised from {least} documents on; there are {grouping.count}."
        return NotEnough(sentence, grouping.n, grouping.count)
    # An item that is accepted wrongly adds one over the number of items of its document to the loss.
    loss = wrong / np.bincount(grouping.index)[grouping.index]
    order = np.argsort(-sure, kind="stable")
    risk = (np.cumsum(loss[order]) + 1.0) / (grouping.count + 1)
    last = np.append(sure[order][1:] != sure[order][:-1], True) & np.isfinite(sure[order])
    good = np.flatnonzero(last & (risk <= max_error + 1e-12))
    return float(sure[order][good[-1]]) if len(good) else _none(max_error, grouping)


def _of_accepted(sure: Floats, wrong: NDArray[np.bool_], grouping: Grouping, max_error: float) -> float | NotEnough:
    # Fewer documents than these cannot show an error this small even without one mistake.
    least = math.ceil(math.log(1.0 - CONFIDENCE) / math.log(1.0 - max_error))
    found: float | None = None
    for threshold in _thresholds(sure):
        taken = sure >= threshold
        of = grouping.kept(taken)
        if of.count < min(least, grouping.count):
            continue
        if _upper_error(wrong[taken], of) > max_error:
            break
        found = float(threshold)
    return found if found is not None else _none(max_error, grouping)


def _thresholds(sure: Floats) -> Floats:
    """Return at most 50 thresholds from strict to lax, chosen without a look at what was right."""
    finite = sure[np.isfinite(sure)]
    if not len(finite):
        return finite
    return np.unique(np.quantile(finite, np.linspace(0.0, 1.0, 51)[:-1], method="lower"))[::-1]


def _upper_error(wrong: NDArray[np.bool_], grouping: Grouping) -> float:
    """Return the upper end, at `CONFIDENCE`, of the share of wrong items, items of a document counted down."""
    n, documents = len(wrong), grouping.count
    rate = float(wrong.mean())
    if documents < 2:
        return 1.0
    alike = float(documents)
    if 0.0 < rate < 1.0:
        moved = grouping.sums(wrong - rate) / n
        variance = documents / (documents - 1) * float((moved**2).sum())
        alike = min(float(n), rate * (1.0 - rate) / variance) if variance > 0 else float(n)
        alike *= float((stats.t.ppf(CONFIDENCE, n - 1) / stats.t.ppf(CONFIDENCE, documents - 1)) ** 2)
    errors = rate * alike
    return float(stats.beta.ppf(CONFIDENCE, errors + 1.0, max(alike - errors, 1e-9))) if rate < 1.0 else 1.0


def _none(max_error: float, grouping: Grouping) -> NotEnough:
    sentence = f"No confidence of the judge is high enough to promise at most {max_error:.0%} errors on these items."
    return NotEnough(sentence, grouping.n, grouping.count)
