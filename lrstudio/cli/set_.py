"""`lrstudio set`: freeze pairs under a name, list and show sets, see that they are unchanged."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, Reviewer, opened, usage, verb, with_options
from lrstudio.cli.pair_options import FilterOptions, split_of
from lrstudio.domain.length_choices import length_choice_of
from lrstudio.domain.pairs import PairState
from lrstudio.domain.sets import FrozenSet, Verification
from lrstudio.viewstate.audit_signs import counted

ACTS = ("freeze", "list", "show", "verify")
_SHORT = 12


@verb
@with_options(FilterOptions)
def set_(
    project: ProjectPath,
    options: FilterOptions,
    *,
    act: Annotated[str, typer.Argument(metavar="|".join(ACTS), help="What to do.")],
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The set; verify: all of them without a name.")] = "",
    split: Annotated[str, typer.Option(metavar="TRAIN/VALIDATION/TEST", help="freeze: shares of documents.")] = (
        "0.9/0.05/0.05"
    ),
    seed: Annotated[int, typer.Option(help="freeze: deals the documents out, and draws lots.")] = 0,
    mitigate: Annotated[
        str,
        typer.Option(
            metavar="balanced|ratio[=NUMBER]|truncated[=NUMBER]",
            help="freeze: keep the pairs that go less by length; report length-bias shows before and after.",
        ),
    ] = "",
    reviewer: Reviewer = "",
    as_json: AsJson = False,
) -> Answer:
    """Freeze gold pairs that are not stale, or those that fit the options, under a name; a set never changes."""
    if act not in ACTS:
        usage(f"{act!r} is none of {', '.join(ACTS)}")
    if (act in ("freeze", "show")) > bool(name) or (act == "list" and name):
        usage("freeze and show take the name of a set, list takes none")
    if mitigate and act != "freeze":
        usage("--mitigate goes with freeze")
    with opened(project, reviewer=reviewer) as it:
        if act == "freeze":
            frozen = it.sets.freeze(
                name,
                wanted=options.wanted(states=(PairState.GOLD,), stale=False),
                choice=length_choice_of(mitigate, seed=seed) if mitigate else None,
                split=split_of(split, seed),
                agreement=it.reports.card_figures,
            ).set
            return Answer({"project": str(it.path)} | _row(frozen), _words(frozen))
        if act == "list":
            sets = it.sets.all()
            lines = [f"{one.name}: {counted(one.card.pairs, 'pair')}, {one.content_hash[:_SHORT]}" for one in sets]
            rows = [_row(one) for one in sets]
            return Answer({"project": str(it.path), "sets": rows}, "\n".join(lines or ["no set is frozen yet"]))
        if act == "show":
            frozen = it.sets.get(name)
            return Answer({"project": str(it.path)} | _row(frozen), _words(frozen))
        return _verified([it.sets.verify(one) for one in ([name] if name else [one.name for one in it.sets.all()])])


def _row(frozen: FrozenSet) -> dict[str, Any]:
    return {
        "name": frozen.name,
        "content_hash": frozen.content_hash,
        "reviewer": frozen.reviewer,
        "time": frozen.time,
        "card": asdict(frozen.card),
    }


def _words(frozen: FrozenSet) -> str:
    card = frozen.card
    lines = [
        f"{frozen.name}: {counted(card.pairs, 'pair')} of {counted(card.questions, 'question')} on "
        f"{counted(card.documents, 'document')}, {card.gold} gold, {card.blind} blind",
        f"hash {frozen.content_hash}, frozen {frozen.time}" + (f" by {frozen.reviewer}" if frozen.reviewer else ""),
        f"split {_counts(card.parts)} (seed {card.split.seed})",
        f"judges: {_counts(card.judges) or 'none'}",
        f"licences: {_counts({name or 'not stated': count for name, count in card.licences.items()})}",
    ]
    if lengths := card.lengths:
        longer = "" if lengths.longer_chosen is None else f"; the chosen one is longer in {lengths.longer_chosen:.0%}"
        lines.append(
            f"length: chosen {lengths.chosen_mean:.0f}, rejected {lengths.rejected_mean:.0f} characters{longer}"
        )
    if made := card.mitigated:
        before = made.before.longer_chosen if made.before else None
        longer = "" if before is None else f", of which the chosen one was longer in {before:.0%}"
        lines.append(f"chosen by length: {made.choice.words}, out of {counted(made.pairs_before, 'pair')}{longer}")
    return "\n".join(lines)


def _counts(counts: Any) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _verified(found: list[Verification]) -> Answer:
    lines = [f"{it.name}: {it.pairs} pairs, unchanged" for it in found if it.holds]
    problems = [
        f"{it.name}: "
        + (
            f"the texts of {', '.join(it.missing[:5])} are gone or differ"
            if it.missing
            else "its pairs are not those that were frozen"
        )
        for it in found
        if not it.holds
    ]
    data = {"sets": [asdict(it) | {"holds": it.holds} for it in found]}
    return Answer(data, "\n".join(lines or [] if found else ["no set is frozen yet"]), tuple(problems), not problems)
