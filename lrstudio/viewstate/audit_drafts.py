"""What was chosen or typed for a claim, a key point or a score and not yet committed: it waits for its committing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lrstudio.domain.decisions import Decision, Target
from lrstudio.domain.summaries import CandidateDetail
from lrstudio.domain.verdicts import Dimension
from lrstudio.viewstate.audit import Choice, Screen
from lrstudio.viewstate.audit_signs import counted

_NOUNS = dict.fromkeys(Dimension, "score") | {Dimension.FAITHFULNESS: "claim", Dimension.COMPLETENESS: "key point"}


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the decision bar."""

    choice: Choice | None = None
    reason: str = ""
    score: str = ""

    def __bool__(self) -> bool:
        """Tell whether there is something to lose."""
        return self.choice is not None or bool(self.reason.strip() or self.score.strip())


class Drafts:
    """The drafts of the targets that were left."""

    def __init__(self) -> None:
        self._kept: dict[Target, tuple[Draft, str]] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._kept)

    def keep(self, screen: Screen, draft: Draft) -> None:
        """Keep what was chosen for the target that the screen is left with."""
        if draft:
            self._kept[screen.target] = (draft, _words(screen, draft))

    def take(self, target: Target) -> Draft:
        """Return what waits for a target and keep it no longer; an empty draft where nothing does."""
        return self._kept.pop(target, (Draft(), ""))[0]

    def prune(self, screen: Screen) -> None:
        """Let go of drafts for parts of the screen's candidate and dimension that are not there any more."""
        there: Collection[str] = {row.part_id for row in screen.rows} | {""}
        here = (screen.focus.candidate_id, screen.focus.dimension)
        for target in list(self._kept):
            if (target.candidate_id, target.dimension) == here and target.part_id not in there:
                del self._kept[target]

    def clear(self) -> None:
        """Let go of all."""
        self._kept.clear()

    def sentence(self) -> str:
        """Say what waits, or ""."""
        if not self._kept:
            return ""
        words = [words for _, words in self._kept.values()]
        more = f" and {counted(len(words) - 1, 'other')}" if len(words) > 1 else ""
        return f"Not committed: {words[-1]}{more}."


def _words(screen: Screen, draft: Draft) -> str:
    if draft.choice is not None:
        what = draft.choice.sign.word
    elif draft.score.strip():
        what = f"score {draft.score.strip()}"
    else:
        what = "a reason"
    row = screen.row
    if row is None:
        return f"{what} for {screen.focus.dimension.value}"
    return f"{what} for {_NOUNS[screen.focus.dimension]} {row.number}"


def turned_sentence(decision: Decision, detail: CandidateDetail | None, *, redo: bool) -> str:
    """Say what was undone or redone: "Undone: override of claim 3".

    Args:
        decision: the decision that was turned off or on.
        detail: the candidate on screen as it was before; the number is left out where it has no such part.
        redo: whether it is on again.
    """
    target = decision.target
    act = decision.act.value.replace("_", " ")
    standing = detail.standings.get(target.dimension) if detail else None
    here = detail is not None and detail.candidate.candidate_id == target.candidate_id
    ids = [it.claim.claim_id for it in standing.claims] if standing and here else []
    ids += [it.key_point.key_point_id for it in standing.key_points] if standing and here else []
    what = _NOUNS[target.dimension] if target.part_id else f"the {target.dimension.value} score"
    if target.part_id in ids:
        what += f" {ids.index(target.part_id) + 1}"
    return f"{'Redone' if redo else 'Undone'}: {act} of {what}."
