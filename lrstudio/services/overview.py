"""Judge runs seen from above: what one came to, and several judges side by side on the same candidates."""

from __future__ import annotations

from collections.abc import Sequence

from lrstudio.domain.overviews import JudgeSource, RunReport, SourceVerdicts
from lrstudio.domain.verdicts import Claim, Dimension
from lrstudio.services.audit import Audit
from lrstudio.store.store import Store


class JudgeOverview:
    """Reads only; safe from any thread."""

    def __init__(self, store: Store, audit: Audit) -> None:
        self._store = store
        self._audit = audit

    def report(self, run_id: str = "") -> RunReport | None:
        """Return what a judge run came to, the one started last for ""; None where there is none.

        Raises:
            Refused: there is no judge run of this id.
        """
        with self._store.reading():
            runs = self._audit.runs()
            found = [run for run in runs if run.run_id == run_id] if run_id else list(runs[:1])
            if run_id and not found:
                self._store.judging.run(run_id)  # refuses
            if not found:
                return None
            return RunReport(found[0], self._store.overview.judgments(run_id=found[0].run_id))

    def sources(self) -> tuple[JudgeSource, ...]:
        """Return what can be compared: the judges that have spoken, the latest first, then their single runs."""
        with self._store.reading():
            started = {run.run_id: run.started for run in self._store.judging.runs()}
            judges = tuple(
                JudgeSource(it.identity, "", started.get(it.latest_run_id, ""), it.candidates)
                for it in self._audit.judges()
            )
            runs = []
            for run in self._store.judging.runs():
                judged = {candidate_id for candidate_id, _ in self._store.judging.judged_pairs(run.run_id)}
                if judged:
                    runs.append(JudgeSource(run.identity, run.run_id, run.started, len(judged)))
            return (*judges, *runs)

    def verdicts(self, sources: Sequence[JudgeSource]) -> tuple[SourceVerdicts, ...]:
        """Return what each source said, in their order, all of one state of the project."""
        with self._store.reading():
            overview = self._store.overview
            return tuple(
                SourceVerdicts(
                    it,
                    overview.judgments(run_id=it.run_id, identity=it.identity),
                    overview.claims(run_id=it.run_id, identity=it.identity),
                )
                for it in sources
            )

    def claims(self, candidate_id: str, sources: Sequence[JudgeSource]) -> tuple[tuple[Claim, ...], ...]:
        """Return the claims of a candidate whole, as each source made them; none where it made none."""
        with self._store.reading():
            return tuple(self._claims(candidate_id, it) for it in sources)

    def _claims(self, candidate_id: str, source: JudgeSource) -> tuple[Claim, ...]:
        found = self._store.judging.judgments(
            [candidate_id], run_id=source.run_id or None, identity=None if source.run_id else source.identity
        )
        return next((it.claims for it in found if it.dimension is Dimension.FAITHFULNESS), ())
