"""Reports on a project: how far its judges can be trusted, what length has to do with it, which model does best."""

from __future__ import annotations

from collections.abc import Iterator

from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension, JudgeIdentity
from lrstudio.services.report_agreement import How, agreement_sections
from lrstudio.services.report_confidence import probability_sections, rubric_sections
from lrstudio.services.report_corrected import corrected_sections
from lrstudio.services.report_items import Assembly, Item
from lrstudio.services.report_pairs import pair_sections, people_marks, rewards
from lrstudio.services.report_records import JudgeName, Report, Section
from lrstudio.services.report_slices import By
from lrstudio.store.store import Store

_NOBODY = "no person has decided anything that a judge has judged: decide some items first, blind if you can"


class Reports:
    """Reads only. Every report is computed anew, from one state of the project; seconds for ten thousand claims."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def agreement(
        self, *, judge: str = "", dimension: Dimension | None = None, by: By | None = None, how: How | None = None
    ) -> Report:
        """Compare each judge with people.

        Args:
            judge: only judges with this in their name, model or prompt pack; "" for all.
            dimension: only this dimension.
            by: cut every comparison by this.
            how: what items are taken together by, the seed, and how many bootstrap samples.

        Raises:
            Refused: no judge is called so.
        """
        how = how or How()
        with self._store.reading():
            assembly = Assembly(self._store)
            sections: list[Section] = []
            question_of = {it.candidate_id: it.question_id for it in assembly.about.values()}
            marks = people_marks(assembly.labels, assembly.scored_by_people(), question_of)
            for name, items in self._judges(assembly, judge):
                sections += agreement_sections(items, name, how=how, by=by, dimension=dimension)
                if by is None:
                    sections += probability_sections(items, name, how=how, dimension=dimension)
                    sections += corrected_sections(items, name, how=how, dimension=dimension)
                if by is None and dimension is None:
                    sections += rubric_sections(items, name, how=how)
                    sections += pair_sections(rewards(items), marks, assembly.about, name, how)
        return Report("agreement", by.value if by else "", tuple(sections), () if sections else (_NOBODY,))

    def _judges(self, assembly: Assembly, wanted: str) -> Iterator[tuple[JudgeName, list[Item]]]:
        names = {identity: _name(identity) for identity in self._identities()}
        chosen = {it: name for it, name in names.items() if wanted.lower() in _searched(name)}
        if wanted and not chosen:
            known = ", ".join(sorted(name.words for name in names.values())) or "none"
            raise Refused(f"no judge is called {wanted!r}; there are: {known}", where="judge")
        for identity, name in chosen.items():
            yield name, list(assembly.items(identity))

    def _identities(self) -> tuple[JudgeIdentity, ...]:
        """Return the judges that have spoken, the latest last."""
        return tuple(dict.fromkeys(run.identity for run in reversed(self._store.judging.runs())))


def _name(identity: JudgeIdentity) -> JudgeName:
    return JudgeName(identity.judge, identity.model, identity.prompt_pack)


def _searched(name: JudgeName) -> str:
    return f"{name.judge} {name.model} {name.prompt_pack} {name.words}".lower()
