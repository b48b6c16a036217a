"""From the settings to what is asked, where, and how requests travel."""

from __future__ import annotations

import os
from pathlib import Path

from lrstudio.domain.errors import Refused
from lrstudio.judge.transport import Transport, host_of
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.keys import find_embedding_key, find_key
from lrstudio.services.settings import Headers, HttpSettings


def http_request(http: HttpSettings) -> JudgeRequest:
    """Return the request for the http judge that the settings describe, with the key that is found; all is judged.

    Whether a server of the settings is to be started is for the caller to say.

    Raises:
        Refused: a header takes its value from a variable that is not set.
        Environment: the keyring cannot be read.
    """
    input_price, output_price = http.price_of(http.model)
    return JudgeRequest(
        judge="http",
        base_url=http.base_url,
        model=http.model,
        api_key=find_key(),
        prompts=Path(http.prompts) if http.prompts else None,
        tokenizer=http.tokenizer,
        concurrency=http.concurrency,
        timeout=http.timeout,
        input_price=input_price,
        output_price=output_price,
        embedding_price=http.embedding_price_of(http.embedding_model),
        retrieval=http.retrieval,
        embedding_model=http.embedding_model,
        embedding_base_url=http.embedding_base_url,
        embedding_key=find_embedding_key() if http.embedding_base_url else None,
        requests_per_minute=http.requests_per_minute,
        tokens_per_minute=http.tokens_per_minute,
        transport=transport(http),
    )


def transport(http: HttpSettings) -> Transport:
    """Return the transport that the settings describe; header values that are $NAME come from the environment.

    The headers are for the endpoint of the settings, and for whichever is asked where they name none.

    Raises:
        Refused: such a variable is not set, or headers are for what is no host.
    """
    return Transport(
        proxy=http.proxy,
        headers=_filled(http.headers),
        ca_file=Path(http.ca_file).expanduser() if http.ca_file else None,
        host=host_of(http.base_url),
        host_headers={_host(host): _filled(headers) for host, headers in http.host_headers},
    )


def _host(name: str) -> str:
    """Take a bare name or an address, with or without a port."""
    host = host_of(name if "://" in name else f"http://{name}")
    if not host:
        raise Refused(f"{name!r} is not a host; one looks like judge.example", where="http.host_headers")
    return host


def _filled(headers: Headers) -> dict[str, str]:
    return {name: _value(name, value) for name, value in headers}


def _value(name: str, value: str) -> str:
    if not value.startswith("$"):
        return value
    found = os.environ.get(value[1:])
    if found is None:
        raise Refused(
            f"the header {name} takes its value from the variable {value[1:]}, which is not set", where="http"
        )
    return found
