"""English word lists that the rules of this room know."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Say nothing of what a text is about.
STOP_WORDS = _set(
    """
    a about above after again against all also am an and any are as at be because been before being below between both
    but by can could did do does doing down during each either else ever few for from further had has have having he
    her here hers herself him himself his how however i if in into is it its itself just may me might more most much
    must my myself neither no nor not now of off on once only or other our ours ourselves out over own per quite
    rather same shall she should so some such than that the their theirs them themselves then there these they this
    those though through thus to too under until up upon us very was we were what when where whether which while who
    whom whose why will with within without would yet you your yours yourself yourselves d ll m re s t ve n't don't
    doesn't didn't isn't aren't wasn't weren't can't couldn't won't wouldn't it's that's there's i'm i've we're
    they're you're let's
    """
)

# Before a full stop, never the last word of a sentence: a name or an example follows.
NEVER_LAST = _set(
    """
    dr mr mrs ms messrs mme mlle prof st mt ft gen col maj capt cpt lt sgt cpl cmdr adm rev hon sen rep gov pres supt
    fr e.g i.e eg ie viz cf vs v approx ca c esp incl resp né née
    """
)

# Before a full stop, not the last word of a sentence when a number follows.
NOT_LAST_BEFORE_NUMBER = _set(
    """
    no nos nr fig figs eq eqs sec ch art par vol vols p pp pt ed op bk tab app ref refs jan feb mar apr jun jul aug
    sep sept oct nov dec
    """
)

# Before a full stop, the last word of a sentence when a word follows that often opens one.
MAYBE_LAST = _set(
    """
    al inc ltd co corp llc plc bros jr sr esq etc ph.d a.m p.m dept est univ assn ave blvd rd jan feb apr jun jul aug
    sept oct nov dec fig figs eq eqs vol vols p pp ed eds ref refs calif
    """
)

# Often open a sentence.
OPENERS = _set(
    """
    a after all also although an and another as at because before both but by during each for from he her here his how
    however i if in it its later many most my neither no not nothing of on one or other our she since so some such
    that the their then there these they this those three though to two under until we what when where while who why
    with yet you your
    """
)

# Stand before a name and are no part of it.
TITLES = _set(
    """
    mr mrs ms miss dr prof professor sir lord lady capt captain president king queen saint st
    """
)

# Written with a capital, but no names.
CALENDAR = _set(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december
    """
)
