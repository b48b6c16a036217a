"""How often, how long and how many: the limits of a judge that asks an endpoint, and what its calls cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lrstudio.judge.packs import CallName

_MAX_TOKENS: Mapping[CallName, int] = {
    CallName.HELPFULNESS: 1024,
    CallName.LOGICALITY: 1024,
    CallName.CLAIMS: 4096,
    CallName.SUPPORT: 1024,
    CallName.KEY_POINTS: 2048,
    CallName.COMPLETENESS: 1024,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one judge; times in seconds.

    `temperatures` has one entry per attempt to get a readable reply (LongReward's own schedule). `retries` counts the
    further tries of one request that found no answer; the wait between them doubles from `backoff` up to
    `longest_wait`. `completeness_tokens_per_key_point` is added to the reply's limit, which must name each of them.
    `samples` says how often a scoring or support call is made; `requests_per_minute` and `tokens_per_minute` are 0
    where nothing is limited; `spend` is in the currency of the prices, None where it is not limited.
    """

    temperatures: tuple[float, ...] = (0.01, 0.95, 0.95, 0.95, 0.95)
    max_tokens: Mapping[CallName, int] = field(default_factory=lambda: dict(_MAX_TOKENS))
    completeness_tokens_per_key_point: int = 32
    retries: int = 5
    backoff: float = 0.5
    longest_wait: float = 120.0
    timeout: float = 600.0
    concurrency: int = 8
    samples: int = 1
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    spend: float | None = None

    def wait(self, tried: int, *, asked: float | None, jitter: float) -> float:
        """Return how long to wait after the `tried`-th try, from 1.

        Args:
            tried: tries made so far.
            asked: seconds the server asked for (`Retry-After`), None where it did not; never undercut, but capped.
            jitter: a number in [0, 1) that spreads callers over the upper half of the wait.
        """
        own = min(self.longest_wait, self.backoff * 2.0 ** (tried - 1)) * (0.5 + jitter / 2)
        return max(own, min(self.longest_wait, asked)) if asked is not None else own


@dataclass(frozen=True, slots=True)
class Prices:
    """What a model costs per million tokens, in any one currency."""

    input: float
    output: float

    def cost(self, input_tokens: int | None, output_tokens: int | None) -> float | None:
        """Return the cost of a call; None where the endpoint did not count its tokens."""
        if input_tokens is None or output_tokens is None:
            return None
        return (input_tokens * self.input + output_tokens * self.output) / 1e6
