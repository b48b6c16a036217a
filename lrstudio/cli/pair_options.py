"""The options of `lrstudio pairs` and `lrstudio set`, and the rule, filter and split that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from lrstudio.cli.common import one_of, usage
from lrstudio.domain.pair_lists import PairFilter
from lrstudio.domain.pairs import PairRule, PairState, RuleName
from lrstudio.domain.sets import Split
from lrstudio.domain.verdicts import Dimension

LISTED = (PairState.PROPOSED, PairState.GOLD, PairState.REJECTED)


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """What bounds a rule, a list or a set; None or "" where the command line says nothing."""

    rule: Annotated[str | None, one_of(tuple(RuleName), help="The rule that proposes, or proposed.")] = None
    margin: Annotated[float | None, typer.Option(help="Chosen reward minus rejected one, at least (0-10).")] = None
    most_margin: Annotated[float | None, typer.Option(help="The same, at most; not of a rule.")] = None
    dimension: Annotated[
        list[Dimension] | None, typer.Option(help="Compare, or want compared, this dimension; may be repeated.")
    ] = None
    length_ratio: Annotated[
        float | None, typer.Option(help="The longer text is at most so many times as long as the shorter one.")
    ] = None
    question: Annotated[list[str] | None, typer.Option(help="Only this question; may be repeated in proposing.")] = None
    state: Annotated[
        list[str] | None, typer.Option(metavar="proposed|gold|rejected", help="Only in this state; may be repeated.")
    ] = None
    stale: Annotated[bool | None, typer.Option("--stale/--fresh", help="Only those that are, or are not, stale.")] = (
        None
    )
    longer_chosen: Annotated[
        bool | None, typer.Option("--longer-chosen/--not-longer-chosen", help="By whether the chosen text is longer.")
    ] = None
    model: Annotated[str, typer.Option(help="Only where this model wrote one of the two.")] = ""
    document: Annotated[str, typer.Option(help="Only on this document.")] = ""
    by: Annotated[str, typer.Option(metavar="REVIEWER", help="Only what this reviewer said last.")] = ""

    def rule_of(self, *, fewest: int, least: list[str], against: str, against_model: str) -> PairRule:
        """Return the rule to propose by."""
        return PairRule(
            name=RuleName(self.rule or RuleName.LONGREWARD),
            margin=self.margin or 0.0,
            fewest=fewest,
            required=tuple(self.dimension or ()),
            least=tuple(map(_least, least)),
            length_ratio=self.length_ratio,
            against=against,
            against_model=against_model,
        )

    def only_of_lists(self) -> str:
        """Return the first option given that means nothing to a rule, "" where there is none."""
        given = {
            "--most-margin": self.most_margin is not None,
            "--state": bool(self.state),
            "--stale": self.stale is not None,
            "--longer-chosen": self.longer_chosen is not None,
            "--model": bool(self.model),
            "--document": bool(self.document),
            "--by": bool(self.by),
        }
        return next((name for name, is_given in given.items() if is_given), "")

    def wanted(self, *, states: tuple[PairState, ...], stale: bool | None) -> PairFilter:
        """Return the filter; states and staleness are these where the command line says nothing of them."""
        if len(self.question or ()) > 1:
            usage("a list is of one question or of all: give --question once")
        unknown = [name for name in self.state or () if name not in LISTED]
        if unknown:
            usage(f"--state takes {', '.join(LISTED)}, not {unknown[0]!r}")
        return PairFilter(
            states=tuple(PairState(name) for name in self.state) if self.state else states,
            rule=RuleName(self.rule) if self.rule else None,
            margin=self.margin,
            most_margin=self.most_margin,
            dimensions=tuple(self.dimension or ()),
            length_ratio=self.length_ratio,
            longer_chosen=self.longer_chosen,
            stale=stale if self.stale is None else self.stale,
            model=self.model,
            reviewer=self.by,
            document_id=self.document,
            question_id=self.question[0] if self.question else "",
        )


def split_of(shares: str, seed: int) -> Split:
    """Return the split that `0.9/0.05/0.05` and a seed name."""
    try:
        train, validation, test = (float(share) for share in shares.split("/"))
        return Split((train, validation, test), seed)
    except ValueError:
        usage(f"--split takes three shares that add up to 1, such as 0.9/0.05/0.05, not {shares!r}")


def _least(said: str) -> tuple[Dimension, float]:
    name, sign, number = said.partition("=")
    try:
        return Dimension(name), float(number)
    except ValueError:
        usage(f"--least takes DIMENSION=NUMBER, not {said!r}" if sign else f"--least takes DIMENSION=NUMBER: {said!r}")
