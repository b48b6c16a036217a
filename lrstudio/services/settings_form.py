"""Settings as they are typed: read into what the studio works with, or said field by field what is wrong."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from lrstudio.services.settings import HttpSettings, ModelPrice

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # a token of RFC 9110, section 5.6.2
_PROXIES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class HttpForm:
    """The fields as typed. `prices` are rows of model, input and output; `headers` rows of name and value."""

    base_url: str = ""
    model: str = ""
    prices: tuple[tuple[str, str, str], ...] = ()
    input_price: str = ""
    output_price: str = ""
    concurrency: int = 8
    timeout: int = 600
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    retrieval: str = "bm25"
    embedding_model: str = ""
    embedding_base_url: str = ""
    proxy: str = ""
    ca_file: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field; `row` counts from 0 in a table, and is None for a field that stands alone."""

    field: str
    sentence: str
    row: int | None = None


def form_of(http: HttpSettings) -> HttpForm:
    """Return the form filled in with what stands."""
    return HttpForm(
        base_url=http.base_url,
        model=http.model,
        prices=tuple((it.model, _amount(it.input), _amount(it.output)) for it in http.prices),
        input_price=_amount(http.input_price) if http.input_price else "",
        output_price=_amount(http.output_price) if http.output_price else "",
        concurrency=http.concurrency,
        timeout=round(http.timeout),
        requests_per_minute=http.requests_per_minute,
        tokens_per_minute=http.tokens_per_minute,
        retrieval=http.retrieval,
        embedding_model=http.embedding_model,
        embedding_base_url=http.embedding_base_url,
        proxy=http.proxy,
        ca_file=http.ca_file,
        headers=http.headers,
    )


def problems_of(form: HttpForm) -> tuple[FieldProblem, ...]:
    """Return everything that is wrong, in the order of the form. Rows of a table that are empty are passed over."""
    found = [*_addresses(form), *_prices(form), *_headers(form)]
    if form.ca_file.strip() and (sentence := _certificates(form.ca_file)):
        found.append(FieldProblem("ca_file", sentence))
    return tuple(found)


def settings_of(form: HttpForm, http: HttpSettings) -> HttpSettings:
    """Return the settings with what the form says; it must be without problems."""
    prices = [row for row in form.prices if any(cell.strip() for cell in row)]
    return replace(
        http,
        base_url=form.base_url.strip(),
        model=form.model.strip(),
        prices=tuple(ModelPrice(model.strip(), _number(a), _number(b)) for model, a, b in prices),
        input_price=_number(form.input_price),
        output_price=_number(form.output_price),
        concurrency=form.concurrency,
        timeout=float(form.timeout),
        requests_per_minute=form.requests_per_minute,
        tokens_per_minute=form.tokens_per_minute,
        retrieval=form.retrieval,
        embedding_model=form.embedding_model.strip(),
        embedding_base_url=form.embedding_base_url.strip(),
        proxy=form.proxy.strip(),
        ca_file=form.ca_file.strip(),
        headers=tuple((name.strip(), value.strip()) for name, value in form.headers if name.strip() or value.strip()),
    )


def _addresses(form: HttpForm) -> list[FieldProblem]:
    found = []
    for field, text in (("base_url", form.base_url), ("embedding_base_url", form.embedding_base_url)):
        if text.strip() and not _is_address(text, ("http", "https")):
            found.append(FieldProblem(field, f"An address looks like https://judge.example/v1, not {text.strip()!r}."))
    if form.proxy.strip() and not _is_address(form.proxy, _PROXIES):
        found.append(
            FieldProblem("proxy", f"A proxy looks like http://proxy.example:3128, not {form.proxy.strip()!r}.")
        )
    return found


def _is_address(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text.strip())
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _prices(form: HttpForm) -> list[FieldProblem]:
    found, seen = [], set()
    for field, text in (("input_price", form.input_price), ("output_price", form.output_price)):
        if math.isnan(_number(text)):
            found.append(FieldProblem(field, f"A price is a number from 0 on, not {text.strip()!r}."))
    for at, (model, *amounts) in enumerate(form.prices):
        if not any(cell.strip() for cell in (model, *amounts)):
            continue
        if not model.strip():
            found.append(FieldProblem("prices", f"Row {at + 1} has a price but no model.", at))
        elif model.strip() in seen:
            found.append(FieldProblem("prices", f"Row {at + 1}: {model.strip()} is in the table twice.", at))
        seen.add(model.strip())
        for name, text in zip(("input", "output"), amounts, strict=True):
            if math.isnan(_number(text)) or not text.strip():
                said = f"{text.strip()!r} is no price" if text.strip() else "there is no price"
                found.append(FieldProblem("prices", f"Row {at + 1}, {name}: {said}; write a number from 0 on.", at))
    return found


def _headers(form: HttpForm) -> list[FieldProblem]:
    found, seen = [], set()
    for at, (name, value) in enumerate(form.headers):
        if not name.strip() and not value.strip():
            continue
        if not _HEADER.fullmatch(name.strip()):
            found.append(FieldProblem("headers", f"Row {at + 1}: {name.strip()!r} is no name of a header.", at))
        elif name.strip().lower() in seen:
            found.append(FieldProblem("headers", f"Row {at + 1}: {name.strip()} is in the table twice.", at))
        seen.add(name.strip().lower())
        if not value.strip() or not value.strip().isascii() or not value.strip().isprintable():
            found.append(FieldProblem("headers", f"Row {at + 1}: the value must be printable ASCII letters.", at))
    return found


def _number(text: str) -> float:
    """Read an amount, with a point or a comma; nothing is 0, and what is no amount is not a number."""
    if not text.strip():
        return 0.0
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return math.nan
    return value if value >= 0 and math.isfinite(value) else math.nan


def _amount(value: float) -> str:
    """Write an amount as short as it can be read back."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _certificates(text: str) -> str:
    import ssl

    path = Path(text.strip()).expanduser()
    if not path.is_file():
        return f"There is no file {path}."
    try:
        ssl.create_default_context(cafile=str(path))
    except (OSError, ssl.SSLError) as error:
        return f"{path.name} holds no certificates that can be read ({error})."
    return ""
