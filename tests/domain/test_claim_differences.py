"""Which claims two candidates share, and where only one of them is supported."""

from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.claim_differences import ClaimDifferences, claim_differences
from lrstudio.domain.decisions import Act, Decision, StandingClaim, Target, Value
from lrstudio.domain.verdicts import Claim, Dimension, State, Support

CLAIMS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([None, *Support])), max_size=8)


def claim(text: str, support: Support | None = None) -> StandingClaim:
    state = State.SCORED if support else State.UNSCORED
    return StandingClaim(Claim(text, text, None, state, support=support))


def texts(claims: tuple[StandingClaim, ...]) -> list[str]:
    return [it.claim.text for it in claims]


def test_claims_are_matched_by_their_canonical_wording() -> None:
    found = claim_differences(
        [claim("It’s a  loan."), claim("Only here."), claim("NASA lost it.")],
        [claim("It's a loan"), claim("nasa lost it"), claim("Only there.")],
    )
    assert texts(found.only_a) == ["Only here.", "NASA lost it."]
    assert texts(found.only_b) == ["nasa lost it", "Only there."]
    assert [(a.claim.text, b.claim.text) for a, b in found.alike] == [("It’s a  loan.", "It's a loan")]


def test_what_is_supported_in_one_alone() -> None:
    full, partial, none = Support.FULL, Support.PARTIAL, Support.NONE
    a = [claim("1", full), claim("2", partial), claim("3", none), claim("4", full), claim("5", full)]
    b = [claim("1", none), claim("2", full), claim("3", none), claim("4"), claim("5", partial)]
    found = claim_differences(a, b)

    assert [it.claim.text for it, _ in found.supported_in_a] == ["1", "5"]
    assert [it.claim.text for it, _ in found.supported_in_b] == ["2"]
    assert [it.claim.text for it, _ in found.alike] == ["3", "4"]


def test_a_decision_counts() -> None:
    after = Value(State.SCORED, Support.NONE)
    decision = Decision(1, "ann", "", Act.OVERRIDE, Target("x", Dimension.FAITHFULNESS, "1"), after=after)
    decided = StandingClaim(claim("1", Support.FULL).claim, decision)
    assert claim_differences([claim("1", Support.FULL)], [decided]).supported_in_a


@given(CLAIMS, CLAIMS)
def test_the_mirror_image_is_the_mirror_image(a: list, b: list) -> None:
    one, other = [claim(*it) for it in a], [claim(*it) for it in b]
    found, mirrored = claim_differences(one, other), claim_differences(other, one)

    assert found.only_a == mirrored.only_b
    assert found.only_b == mirrored.only_a
    assert {(x.claim, y.claim) for x, y in found.supported_in_a} == {
        (x.claim, y.claim) for y, x in mirrored.supported_in_b
    }
    assert _count(found) == len({it[0] for it in a} | {it[0] for it in b})


def _count(found: ClaimDifferences) -> int:
    return sum(map(len, (found.only_a, found.only_b, found.supported_in_a, found.supported_in_b, found.alike)))
