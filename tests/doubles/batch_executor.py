"""Executes a batch file as a batch service or `vllm run-batch` does: results in any order, errors as rows."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.doubles.chat_server import Policy, Request, plausible

Spoil = Callable[[Request], dict[str, Any] | None]


def execute(files: Iterable[Path], out: Path, *, policy: Policy = plausible, spoil: Spoil = lambda _: None) -> Path:
    """Answer every row by the policy into `out`; `spoil` may give another row's `response` and `error` instead."""
    results: list[str] = []
    for file in files:
        for line in file.read_bytes().splitlines():
            row = json.loads(line)
            assert set(row) == {"custom_id", "method", "url", "body"}
            assert (row["method"], row["url"]) == ("POST", "/v1/chat/completions")
            raw = json.dumps(row["body"]).encode()
            request = Request(len(results) + 1, 0, row["body"], raw, {})
            result = spoil(request) or _result(request, policy)
            results.append(json.dumps({"id": f"r{len(results)}", "custom_id": row["custom_id"], **result}))
    random.Random(5).shuffle(results)
    out.write_text("\n".join(results) + "\n", encoding="utf-8")
    return out


def _result(request: Request, policy: Policy) -> dict[str, Any]:
    answer = policy(request)
    if answer.status >= 400:
        body: dict[str, Any] = {"error": {"message": answer.content, "code": None}}
        return {"response": {"status_code": answer.status, "request_id": "q", "body": body}, "error": None}
    message = {"role": "assistant", "content": answer.content}
    usage = {"prompt_tokens": len(request.prompt) // 4, "completion_tokens": len(answer.content or "") // 4}
    body = {
        "choices": [{"index": 0, "message": message, "finish_reason": answer.finish_reason}],
        "usage": usage,
        "model": request.body["model"],
    }
    return {"response": {"status_code": 200, "request_id": "q", "body": body}, "error": None}
