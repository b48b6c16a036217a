"""With what chance the random audits drew each of a judge's claims and key points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import chain, combinations

from lrstudio.domain.decisions import Target
from lrstudio.domain.queues import frame_of, joint_probability, parts_of
from lrstudio.domain.verdicts import Dimension, JudgeIdentity
from lrstudio.store.store import Store


class AuditChances:
    """The random audits of a project. One counts where it was drawn from the very items that the judge has judged now:
    of an item that could not be drawn, no audit says anything.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._drawn = store.queues.audited()

    def of(self, judge: JudgeIdentity) -> dict[Target, float]:
        """Return, for everything drawn from this judge's items, the chance to be drawn by at least one audit."""
        missed: dict[Target, float] = {}
        for frame in self._frames(judge):
            for target, chances in self._drawn[frame].items():
                missed[target] = missed.get(target, 1.0) * (1.0 - joint_probability(chances))
        return {target: 1.0 - chance for target, chance in missed.items()}

    def outdated(self, judge: JudgeIdentity) -> bool:
        """Tell whether an audit of this judge was drawn from other items than it has judged now."""
        named = {frame for frame in self._drawn if any(_words(frame) == _words(it) for it in _possible(judge, {}))}
        return bool(named - self._frames(judge))

    def _frames(self, judge: JudgeIdentity) -> set[str]:
        if not self._drawn:
            return set()
        targets: dict[Dimension, list[Target]] = defaultdict(list)
        for judgment in self._store.judging.judgments(identity=judge):
            targets[judgment.dimension] += (target for target, _ in parts_of(judgment))
        return {frame for frame in _possible(judge, targets) if frame in self._drawn}


def _possible(judge: JudgeIdentity, targets: Mapping[Dimension, list[Target]]) -> list[str]:
    """Return the frame of every choice of dimensions."""
    choices = chain.from_iterable(combinations(Dimension, size) for size in range(1, len(Dimension) + 1))
    return [frame_of(judge, some, [it for one in some for it in targets.get(one, [])]) for some in choices]


def _words(frame: str) -> str:
    """Return a frame without the hash of its items."""
    return frame.rpartition(" ")[0]
