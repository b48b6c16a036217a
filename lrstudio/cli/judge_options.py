"""The options of `lrstudio judge`, and the request that they and the settings make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from lrstudio.cli.common import Yes, one_of
from lrstudio.domain.verdicts import Dimension
from lrstudio.services.judges import JUDGES, RETRIEVALS, JudgeRequest
from lrstudio.services.keys import find_embedding_key
from lrstudio.services.network import http_request
from lrstudio.services.settings import HttpSettings


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """What the command line says; None or "" where it says nothing and the settings count."""

    judge: Annotated[
        str | None, one_of(JUDGES, help="Which judge; without a word lexical, and http where --serve is given.")
    ] = None
    base_url: Annotated[str, typer.Option(help="http: the address of an OpenAI-compatible endpoint.")] = ""
    model: Annotated[str, typer.Option(help="http: the model's name there.")] = ""
    script: Annotated[Path | None, typer.Option(help="scripted: a JSON file with its verdicts.")] = None
    prompts: Annotated[Path | None, typer.Option(help="http: a folder with another prompt pack.")] = None
    tokenizer: Annotated[str, typer.Option(help="A tokenizer.json or hub id to chunk with, else the studio's own.")] = (
        ""
    )
    retrieval: Annotated[str | None, one_of(RETRIEVALS, help="http: how passages are found.")] = None
    embedding_model: Annotated[str, typer.Option(help="The embedding model's name, or its folder.")] = ""
    embedding_base_url: Annotated[str, typer.Option(help="Where it is, else where the judge is.")] = ""
    serve: Annotated[
        str, typer.Option(metavar="COMMAND", help="http: start this server on a free port, use it, stop it.")
    ] = ""
    serve_timeout: Annotated[float, typer.Option(help="Seconds until that server must be ready.")] = 900.0
    dimension: Annotated[list[Dimension] | None, typer.Option(help="Only this dimension; may be repeated.")] = None
    candidate: Annotated[list[str] | None, typer.Option(help="Only this candidate; may be repeated.")] = None
    concurrency: Annotated[int | None, typer.Option(help="Calls in flight, at most.")] = None
    timeout: Annotated[float | None, typer.Option(help="Seconds for one call.")] = None
    samples: Annotated[int, typer.Option(help="http: how often each scoring and support call is made.")] = 1
    limit: Annotated[int | None, typer.Option(help="Only the first N candidates that are outstanding.")] = None
    spend_limit: Annotated[float | None, typer.Option(help="http: stop before more than this is spent.")] = None
    take_over: Annotated[
        bool, typer.Option("--take-over", help="The judge run that another machine began here is over: go on.")
    ] = False
    yes: Yes = False

    def request(self, http: HttpSettings, *, on: str = "", context: int = 0) -> JudgeRequest:
        """Return the request, with the key where one is needed; `on` and `context` are the request's.

        Raises:
            Refused: a header of the settings names a variable that is not set.
        """
        judge = self.judge or ("http" if self.serve or on else "lexical")
        serve = self.serve or (http.serve if judge == "http" and not self.base_url and not on else "")
        # That of the settings is their endpoint's; the price goes with the model.
        http = replace(
            http,
            model=self.model or ("" if serve else http.model),
            embedding_model=self.embedding_model or http.embedding_model,
        )
        request = http_request(http) if judge == "http" else JudgeRequest(judge, concurrency=http.concurrency)
        given: dict[str, Any] = {
            "base_url": self.base_url,
            "prompts": self.prompts,
            "tokenizer": self.tokenizer,
            "concurrency": self.concurrency,
            "timeout": self.timeout,
            "retrieval": self.retrieval,
            "embedding_base_url": self.embedding_base_url,
            "embedding_key": find_embedding_key() if self.embedding_base_url else None,
        }
        said = {name: value for name, value in given.items() if value not in (None, "")}
        return replace(
            request,
            **said,
            script=self.script,
            dimensions=tuple(self.dimension) if self.dimension else tuple(Dimension),
            candidate_ids=tuple(self.candidate) if self.candidate else None,
            samples=self.samples,
            limit=self.limit,
            spend_limit=self.spend_limit,
            take_over=self.take_over,
            serve=serve,
            serve_timeout=self.serve_timeout,
            agreed=self.yes,
            on=on,
            context=context,
        )
