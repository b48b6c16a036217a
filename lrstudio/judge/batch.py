"""Calls as rows of a batch file, and results from one: the OpenAI batch format, which `vllm run-batch` reads too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lrstudio.judge.caller import Unsent
from lrstudio.judge.endpoint import Completion, NoReply, complaint_of, completion_of, rejection

ROWS = 50_000
BYTES = 200_000_000

# A request that was turned down for what it says will be turned down again; everything else may be sent once more.
_FOR_GOOD = frozenset({400, 413, 422})


@dataclass(frozen=True, slots=True)
class Result:
    """One row of a results file. `outcome` is None where the call may be sent again; `error` then says why."""

    key: str
    outcome: Completion | NoReply | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """The results by call key; `repeated` counts rows beyond the one that was taken for their call."""

    by_key: Mapping[str, Result]
    repeated: int


def request_row(unsent: Unsent[Any]) -> dict[str, Any]:
    """Return the row of a call; its key is the `custom_id` by which the result is found again."""
    return {
        "custom_id": unsent.key,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": json.loads(unsent.body),
    }


def result_of(row: object) -> Result:
    """Read the JSON value of a row of a results file.

    Raises:
        ValueError: it names no call.
    """
    key = row.get("custom_id") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(key, str) or not key:
        raise ValueError("it has no custom_id")
    given = row.get("response")
    response: Mapping[str, Any] = given if isinstance(given, dict) else {}
    status = response.get("status_code")
    if status == 200 and not row.get("error"):
        try:
            return Result(key, completion_of(response.get("body"), shown=lambda: "a row of the results"))
        except NoReply as error:
            return Result(key, None, str(error))
    said = complaint_of(response.get("body") or row.get("error") or "no reason given")[:500]
    if status in _FOR_GOOD:
        outcome = rejection(status, said)
        return Result(key, outcome, str(outcome))
    return Result(key, None, f"status {status}: {said}" if status else said)


def gather(results: Iterable[Result]) -> Results:
    """Take one row for each call, the first that brought a reply."""
    by_key: dict[str, Result] = {}
    repeated = 0
    for result in results:
        known = by_key.setdefault(result.key, result)
        if known is result:
            continue
        repeated += 1
        if not isinstance(known.outcome, Completion) and isinstance(result.outcome, Completion):
            by_key[result.key] = result
    return Results(by_key, repeated)
