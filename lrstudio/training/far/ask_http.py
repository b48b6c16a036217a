"""Asks a server that only the host can reach, over HTTP. Sent to a host's Python as text: nothing is installed there.

Reads `{"url": ..., "method": ..., "body": ..., "seconds": ...}` and answers `{"status": ..., "text": ...}`; the status
is 0 where nobody answers. A token of Ray's stays on the host: it is read there, where Ray itself looks for it.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any


def token() -> str:
    """Return the token by which Ray knows its people, "" where there is none."""
    if os.environ.get("RAY_AUTH_TOKEN"):
        return os.environ["RAY_AUTH_TOKEN"].strip()
    path = os.environ.get("RAY_AUTH_TOKEN_PATH") or os.path.join(os.path.expanduser("~"), ".ray", "auth_token")
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def request_of(wanted: dict[str, Any]) -> urllib.request.Request:
    """Make the request, with the token where there is one."""
    body = wanted.get("body")
    request = urllib.request.Request(
        wanted["url"], data=None if body is None else json.dumps(body).encode(), method=wanted["method"]
    )
    request.add_header("Content-Type", "application/json")
    if token():
        request.add_unredirected_header("Authorization", "Bearer " + token())
    return request


def ask(wanted: dict[str, Any]) -> dict[str, Any]:
    """Ask once."""
    # No proxy: it is the host itself, or a machine beside it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        request = request_of(wanted)
        with opener.open(request, timeout=wanted["seconds"]) as answer:
            return {"status": answer.status, "text": answer.read().decode("utf-8", "replace")}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "text": error.read().decode("utf-8", "replace")}
    except (OSError, ValueError, http.client.HTTPException) as error:
        return {"status": 0, "text": str(error)}


if __name__ == "__main__":
    json.dump(ask(json.load(sys.stdin)), sys.stdout)
