"""Answers a batch file as `vllm run-batch -i IN -o OUT --model MODEL` does, without a model. Standard library only.

All rows are read and checked first, one that is none spoils the file; the replies are written at the end, in the order
of the calls; a request that is turned down has no body, its error beside it. Progress goes to the standard error.

`--max-model-len N` turns prompts of more than N words of four characters down, or, with `--raises`, ends in a traceback
without any reply, as versions do whose handlers raise. `--play FILE` takes a JSON object, read at every call:
`seconds` a call takes, `hold` to wait at the first call, `hold_at` to wait at one (name of the file, number), `lost`
and `failed` starts of custom ids that get no row or status 500, `unsteady` to answer some first attempts unreadably,
`fails` to end with status 3 once so many calls were answered. `--told FILE` gets one line per call that is computed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.doubles.chat_server import Answer, Request, plausible


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("-i", "--input-file", type=Path, required=True)
    parser.add_argument("-o", "--output-file", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--max-model-len", type=int, default=1 << 30)
    parser.add_argument("--raises", action="store_true")
    parser.add_argument("--play", type=Path, required=True)
    parser.add_argument("--told", type=Path, required=True)
    given = parser.parse_args()
    rows = [checked(line) for line in given.input_file.read_text(encoding="utf-8").splitlines() if line.strip()]
    replies: list[str] = []
    for number, row in enumerate(rows, start=1):
        play = json.loads(given.play.read_text(encoding="utf-8"))
        while play.get("hold") or [given.input_file.name, number] == play.get("hold_at"):
            time.sleep(0.02)
            play = json.loads(given.play.read_text(encoding="utf-8"))
        if number > play.get("fails", len(rows)):
            sys.stderr.write("RuntimeError: the engine is dead\n")
            return 3
        time.sleep(play.get("seconds", 0))
        reply = answered(row, given, play)
        with given.told.open("a", encoding="utf-8") as told:
            told.write(row["custom_id"] + "\n")
        if not row["custom_id"].startswith(tuple(play.get("lost", ()))):
            replies.append(json.dumps({"id": f"vllm-{number}", "custom_id": row["custom_id"], **reply}))
        share = 100 * number // len(rows)
        sys.stderr.write(f"Running batch: {share:3d}% Completed | {number}/{len(rows)} [00:01<00:01, 9.00req/s]\n")
    given.output_file.write_text("".join(reply + "\n" for reply in replies), encoding="utf-8")
    return 0


def checked(line: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(line)
    if set(row) != {"custom_id", "method", "url", "body"} or row["url"] != "/v1/chat/completions":
        raise ValueError(f"not a request: {line[:80]}")
    return row


def answered(row: dict[str, Any], given: argparse.Namespace, play: dict[str, Any]) -> dict[str, Any]:
    body = row["body"]
    request = Request(1, 0, body, json.dumps(body).encode(), {})
    if body["model"] != given.model:
        return turned_down(404, f"The model `{body['model']}` does not exist.")
    length = len(request.prompt) // 4 + body["max_tokens"]
    if length > given.max_model_len:
        said = f"This model's maximum context length is {given.max_model_len} tokens, {length} were asked for."
        if given.raises:
            raise ValueError(said)
        return turned_down(400, said)
    if row["custom_id"].startswith(tuple(play.get("failed", ()))):
        return turned_down(500, "out of memory")
    answer = unsteady(request) if play.get("unsteady") else plausible(request)
    message = {"role": "assistant", "content": answer.content, "reasoning": None, "tool_calls": []}
    usage = {"prompt_tokens": len(request.prompt) // 4, "completion_tokens": len(answer.content or "") // 4}
    completion = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": given.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop", "stop_reason": None}],
        "usage": usage,
    }
    return {"response": {"status_code": 200, "request_id": "vllm-batch-1", "body": completion}, "error": None}


def turned_down(status: int, said: str) -> dict[str, Any]:
    error = {"message": said, "type": "BadRequestError", "param": None, "code": status}
    return {
        "response": {"status_code": status, "request_id": "vllm-batch-1", "body": None},
        "error": {"error": error},
    }


def unsteady(request: Request) -> Answer:
    """Some first replies cannot be read."""
    first = "seed" not in request.body
    return Answer("hm") if first and sha256(request.prompt.encode()).digest()[0] % 5 == 0 else plausible(request)


if __name__ == "__main__":
    sys.exit(main())
