"""Extra headers: which host they go to, and that nothing of them is kept where a server says them again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from lrstudio.domain.errors import Environment, Refused, StudioError
from lrstudio.judge.transport import Transport
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.network import http_request, transport
from lrstudio.services.sample_request import SampleRequest
from lrstudio.services.settings import HttpSettings, Settings, SettingsStore
from lrstudio.services.wiring import Project, create_project
from lrstudio.store.store import Store
from tests.doubles.chat_server import Answer, ChatServer, Request, plausible

GATE = "gate/0123456789-abcdef"
TEXT = "The port was dredged in 1871. It cost £150,000. Nobody was hurt. The mud was sold."


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = create_project(tmp_path / "p.lrs", reviewer="ann")
    document = made.imports.add_document(title="Port", text=TEXT).id
    question = made.imports.add_question(document_id=document, query="What happened?").id
    for number in range(2):
        made.imports.add_candidate(question_id=question, text=f"It cost £{number},000 to dredge the port.")
    yield made
    made.close()


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


def settings(server: ChatServer, **more: object) -> HttpSettings:
    values: dict[str, object] = {"base_url": server.base_url, "model": "m", "headers": (("X-Gate", GATE),), **more}
    return HttpSettings(**values)  # type: ignore[arg-type]


def judge(project: Project, request: JudgeRequest) -> None:
    anyio.run(partial(project.judging.run, request, emit=lambda _: None))


def kept(project: Project, folder: Path) -> str:
    """Return all that is kept or exported, as one text, once more without JSON's escapes."""
    words: list[str] = []
    with Store.open(project.path) as store:
        infos = store.library.candidate_infos()
        for name in ("", *(info.candidate_id for info in infos)):
            words += [repr(row) for row in store.calls.for_candidate(name)]
        words += [repr(store.library.candidate(info.candidate_id)) for info in infos]
        words += [repr(judgment) for judgment in store.judging.judgments(latest=False)]
    for what in ("project", "judgments"):
        out = folder / f"{what}.jsonl"
        project.exports.export(out, what=what, all_runs=what == "judgments")
        words.append(out.read_text(encoding="utf-8"))
    text = "\n".join(words)
    return text + text.replace("\\/", "/").replace("\\", "")


def saying_it_again(request: Request) -> Answer:
    said = f"you came with {request.headers['x-gate']}"
    if request.call == "helpfulness":
        return Answer(said, status=400)
    if request.call == "logicality":
        return Answer(json.dumps({"analysis": said, "score": 7}))
    if request.call == "claims":
        return Answer(json.dumps({"claims": [{"statement": said, "quote": said}]}))
    if request.call == "key_points":
        return Answer(said, finish_reason=said)
    return plausible(request)


def test_nothing_that_is_kept_or_exported_says_a_header(project: Project, server: ChatServer, tmp_path: Path) -> None:
    server.policy = saying_it_again
    judge(project, http_request(settings(server)))
    assert {request.headers["x-gate"] for request in server.requests} == {GATE}
    text = kept(project, tmp_path)
    assert text.count("you came with [header X-Gate]") > 8
    assert GATE[5:] not in text
    draw = SampleRequest(base_url=server.base_url, models=("m",), transport=transport(settings(server)))
    server.policy = lambda request: Answer(f"I am {request.headers['x-gate']}")
    assert anyio.run(project.sampling.run, draw).new == 1
    text = kept(project, tmp_path)
    assert "I am [header X-Gate]" in text
    assert GATE[5:] not in text


@pytest.mark.parametrize(("status", "kind"), [(401, Environment), (404, Refused), (307, Refused)])
def test_nor_does_a_sentence_that_ends_a_run(
    project: Project, server: ChatServer, status: int, kind: type[StudioError]
) -> None:
    headers = {"Location": f"http://else.example/?{GATE}"} if status == 307 else {}
    server.policy = lambda request: Answer(request.headers["x-gate"], status=status, headers=headers)
    with pytest.raises(kind) as caught:
        judge(project, http_request(settings(server)))
    assert "[header X-Gate]" in str(caught.value)
    assert GATE[5:] not in str(caught.value)


def embedding(server: ChatServer, http: HttpSettings, *, host: str = "") -> JudgeRequest:
    url = f"http://{host}:{server.port}/v1" if host else ""
    asked = replace(http_request(http), base_url=server.base_url)
    return replace(asked, retrieval="embeddings", embedding_model="e", embedding_base_url=url)


def test_an_embeddings_endpoint_on_another_host_gets_only_what_is_named_for_it(
    project: Project, server: ChatServer, tmp_path: Path
) -> None:
    def asked(http: HttpSettings, *, host: str) -> set[tuple[str | None, str | None]]:
        server.embeddings.clear()
        server.embedding_policy = lambda _: Answer("no", status=400)  # vectors would be known the next time
        judge(project, embedding(server, http, host=host))
        assert server.embeddings
        return {(it.headers.get("x-gate"), it.headers.get("x-own")) for it in server.embeddings}

    assert asked(settings(server), host="") == {(GATE, None)}
    assert asked(settings(server), host="127.0.0.1") == {(GATE, None)}
    assert asked(settings(server), host="localhost") == {(None, None)}
    unnamed = settings(server, base_url="")
    assert asked(unnamed, host="") == {(GATE, None)}
    assert asked(unnamed, host="localhost") == {(None, None)}
    named = settings(server, host_headers=((f"localhost:{server.port}", (("X-Own", "vectors-0123456789"),)),))
    assert asked(named, host="localhost") == {(None, "vectors-0123456789")}
    assert {it.headers.get("x-own") for it in server.requests} == {None}
    server.embedding_policy = lambda request: Answer(request.headers["x-own"], status=400)
    judge(project, embedding(server, named, host="localhost"))
    text = kept(project, tmp_path)
    assert "[header X-Own]" in text
    assert "vectors-0123456789" not in text


def test_headers_of_the_settings_stay_with_the_host_of_the_settings(project: Project, server: ChatServer) -> None:
    elsewhere = http_request(settings(server, base_url="https://judge.example/v1"))
    judge(project, replace(elsewhere, base_url=server.base_url))
    assert {request.headers.get("x-gate") for request in server.requests} == {None}
    unnamed = transport(settings(server, base_url=""))
    assert unnamed.headers_to("https://any.example/v1") == {"X-Gate": GATE}
    assert unnamed.bound_to("https://any.example/v1").headers_to("https://other.example/v1") == {}
    assert unnamed.bound_to("https://any.example/v1").headers_to("https://any.example:9/v2") == {"X-Gate": GATE}


def test_a_host_of_its_own_headers_has_both_where_it_is_the_judges() -> None:
    made = Transport(headers={"A": "1", "B": "2"}, host="x.example", host_headers={"x.example": {"B": "3"}})
    assert made.headers_to("https://X.example/v1") == {"A": "1", "B": "3"}
    assert made.headers_to("https://y.example/v1") == {}


def test_headers_of_hosts_come_from_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SettingsStore(tmp_path)
    http = HttpSettings(host_headers=(("https://Vectors.example:8001", (("X-Key", "$K"),)),))
    store.save(Settings("ann", http=http))
    assert store.load().http == http
    monkeypatch.setenv("K", "sesame")
    assert transport(http).headers_to("https://vectors.example/v1") == {"X-Key": "sesame"}
    with pytest.raises(Refused, match="is not a host"):
        transport(HttpSettings(host_headers=(("", ()),)))
    for text, said in (("3", "table of tables"), ("{ x = 3 }", r"http\.host_headers\.x"), ("{x={A=3}}", "of texts")):
        (tmp_path / "settings.toml").write_text(f"[http]\nhost_headers = {text}\n")
        with pytest.raises(Refused, match=said):
            store.load()
