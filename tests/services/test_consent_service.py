"""What may leave this machine: marks, remembered hosts, and refusals before anything is sent."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Document
from lrstudio.judge.transport import Transport, host_of, is_loopback
from lrstudio.services.judges import JudgeRequest, make_judge
from lrstudio.services.keys import EMBEDDING_VARIABLE, ApiKey, find_embedding_key
from lrstudio.services.network import transport
from lrstudio.services.settings import HttpSettings, Settings, SettingsStore
from lrstudio.services.wiring import Project, create_project, open_project
from lrstudio.store.store import Store

FAR = JudgeRequest(judge="http", base_url="https://judge.example:8443/v1", model="m")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = create_project(tmp_path / "p.lrs")
    for name, text in (("open", "One text. " * 10), ("secret", "Another text. " * 10)):
        made.imports.add_document(title=name, text=text, document_id=name)
        question = made.imports.add_question(document_id=name, query="What?").id
        made.imports.add_candidate(question_id=question, text=f"An answer on {name}.")
    made.imports.add_candidate(
        question_id=made.imports.add_question(document_id=None, query="Who?").id, text="Nobody knows."
    )
    yield made
    made.close()


def judge(project: Project, request: JudgeRequest) -> None:
    anyio.run(partial(project.judging.run, request, emit=lambda _: None))


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", True),
        ("::ffff:127.0.0.1", True),
        ("localhost.example", False),
        ("x.localhost", False),
        ("127.0.0.1.example", False),
        ("10.0.0.1", False),
        ("2130706433", False),
        ("judge.example", False),
        ("", False),
    ],
)
def test_only_this_machine_for_certain_is_loopback(host: str, here: bool) -> None:
    assert is_loopback(host) is here


def test_hosts_are_read_from_addresses_without_names_and_secrets() -> None:
    assert host_of("https://me:pw@Judge.Example.:8443/v1?key=x") == "judge.example"
    assert host_of("http://[::1]:8000/v1") == "::1"
    assert host_of("http://127.0.0.1@evil.example/v1") == "evil.example"
    assert [host_of(it) for it in ("", "judge.example/v1", "ftp://x/v1", "http://[x")] == [""] * 4


def test_a_far_judge_is_refused_until_somebody_agrees(project: Project) -> None:
    (outgoing,) = project.judging.outgoing(FAR)
    assert (outgoing.host, outgoing.documents, outgoing.candidates, outgoing.allowed) == ("judge.example", 2, 3, False)
    assert outgoing.characters == len("One text. " * 10) + len("Another text. " * 10)
    with pytest.raises(Refused, match=r"judge\.example.*2 documents, 240 characters, 3 candidates.*--allow judge"):
        judge(project, FAR)
    project.consent.allow("HTTPS://Judge.Example:9/x")
    assert project.judging.outgoing(FAR)[0].allowed
    project.consent.check(project.judging.outgoing(FAR), agreed=False)
    again = open_project(project.path)
    assert list(again.consent.state().hosts) == ["judge.example"], "it is remembered in the project"
    again.consent.forbid("judge.example")
    again.close()
    with pytest.raises(Refused, match="--yes"):
        judge(project, FAR)
    with pytest.raises(Refused, match="remembers no consent"):
        project.consent.forbid("judge.example")
    with pytest.raises(Refused, match="not a host"):
        project.consent.allow("http://")


def test_a_document_that_stays_here_is_refused_even_where_the_host_is_allowed(project: Project) -> None:
    project.consent.allow("judge.example")
    project.consent.keep_local(True, document_ids=["secret"])
    assert project.consent.state().documents == ("secret",)
    with pytest.raises(Refused, match=r"'secret' must stay on this machine, and judge\.example is another one"):
        judge(project, FAR)
    ids = [it.candidate_id for row in project.audit.questions() if row.document_id != "secret" for it in row.candidates]
    others = JudgeRequest(judge="http", base_url=FAR.base_url, model="m", candidate_ids=tuple(ids))
    project.consent.check(project.judging.outgoing(others), agreed=False)
    project.consent.keep_local(False, document_ids=["secret"])
    project.consent.check(project.judging.outgoing(FAR), agreed=False)
    with pytest.raises(Refused, match="no document 'nope'"):
        project.consent.keep_local(True, document_ids=["open", "nope"])
    assert project.consent.state().documents == (), "all or nothing"


def test_a_project_that_stays_here_keeps_questions_without_a_document_too(project: Project) -> None:
    project.consent.keep_local(True)
    with pytest.raises(Refused, match="'open' and 1 more must stay"):
        judge(project, FAR)
    alone = next(row for row in project.audit.questions() if row.document_id is None).candidates[0].candidate_id
    request = JudgeRequest(judge="http", base_url=FAR.base_url, model="m", candidate_ids=(alone,), agreed=True)
    with pytest.raises(Refused, match="must stay on this machine"):
        judge(project, request)


def test_an_embeddings_endpoint_counts_as_well(project: Project) -> None:
    near = {"judge": "http", "base_url": "http://127.0.0.1:9/v1", "model": "m", "embedding_model": "e"}
    far = "https://vectors.example/v1"
    assert project.judging.outgoing(JudgeRequest(**near, retrieval="embeddings")) == ()
    for retrieval in ("embeddings", "fusion"):
        (outgoing,) = project.judging.outgoing(
            JudgeRequest(**near, retrieval=retrieval, embedding_base_url=far)  # type: ignore[arg-type]
        )
        assert outgoing.host == "vectors.example"
    assert project.judging.outgoing(JudgeRequest(**near, retrieval="bm25", embedding_base_url=far)) == ()
    served = JudgeRequest(judge="http", base_url=FAR.base_url, serve="vllm serve m")
    assert project.judging.outgoing(served) == ()
    assert project.judging.outgoing(JudgeRequest(base_url=FAR.base_url)) == (), "the lexical judge asks nobody"


def test_the_mark_goes_out_and_in_with_the_documents(project: Project, tmp_path: Path) -> None:
    project.consent.keep_local(True, document_ids=["secret"])
    project.exports.export(tmp_path / "one.jsonl")
    project.consent.keep_local(True)
    project.exports.export(tmp_path / "all.jsonl")
    copy = create_project(tmp_path / "copy.lrs")
    copy.imports.import_paths([tmp_path / "one.jsonl"])
    assert copy.consent.state().documents == ("secret",)
    report = copy.imports.import_paths([tmp_path / "all.jsonl"])
    assert report.errors == ()
    assert copy.consent.state().documents == ("open", "secret")
    copy.imports.import_paths([tmp_path / "one.jsonl"])
    assert copy.consent.state().documents == ("open", "secret"), "an import takes no mark off"
    copy.close()


def test_a_document_read_again_keeps_its_mark(tmp_path: Path) -> None:
    with Store.create(tmp_path / "s.lrs") as store:
        store.library.add_document(Document("d", None, local_only=True))
        store.library.add_document(Document("d", "now with text"))
        assert store.library.document("d").local_only


def test_the_judge_key_is_not_sent_to_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    key = ApiKey("sesame", "test")
    parts = {"judge": "http", "base_url": "http://127.0.0.1:9/v1", "model": "m", "retrieval": "embeddings"}
    monkeypatch.setenv(EMBEDDING_VARIABLE, "open")
    own = find_embedding_key()
    assert own is not None

    def sent(**more: object) -> str:
        request = JudgeRequest(**parts, embedding_model="e", api_key=key, **more)  # type: ignore[arg-type]
        made = make_judge(request, vectors=object())  # type: ignore[arg-type]
        return made._retriever._vectors._embedder._endpoint._headers["authorization"].removeprefix("Bearer ")  # type: ignore[attr-defined]

    assert sent() == "sesame"
    assert sent(embedding_base_url="http://127.0.0.1:10/v1") == "sesame"
    assert sent(embedding_base_url="https://vectors.example/v1") == "none"
    assert sent(embedding_base_url="https://vectors.example/v1", embedding_key=own) == "open"


def test_headers_proxy_and_certificates_come_from_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SettingsStore(tmp_path)
    http = HttpSettings(
        proxy="http://proxy.example:3128", ca_file="~/ca.pem", headers=(("X-Team", "a"), ("X-Key", "$K"))
    )
    store.save(Settings("ann", http=http))
    assert store.load().http == http
    with pytest.raises(Refused, match="variable K"):
        transport(http)
    monkeypatch.setenv("K", "sesame")
    made = transport(http)
    assert made.headers == {"X-Team": "a", "X-Key": "sesame"}
    assert made.ca_file == Path("~/ca.pem").expanduser()
    (tmp_path / "settings.toml").write_text("[http]\nheaders = 3\n")
    with pytest.raises(Refused, match=r"http\.headers"):
        store.load()


def test_a_bad_proxy_or_certificate_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for bad, where in (
        (Transport(proxy="nonsense"), "proxy"),
        (Transport(ca_file=tmp_path / "ca.pem"), "ca.pem"),
        (Transport(ca_file=tmp_path / "none.pem"), "none.pem"),
    ):
        request = JudgeRequest(judge="http", base_url=FAR.base_url, model="m", transport=bad)
        with pytest.raises(Refused) as caught:
            make_judge(request)
        assert where in caught.value.where


def test_retrieval_needs_what_it_needs(tmp_path: Path) -> None:
    for more, said in (
        ({"retrieval": "magic"}, "unknown retrieval"),
        ({"retrieval": "embeddings"}, "name of a model"),
        ({"retrieval": "local", "embedding_model": str(tmp_path)}, "lrstudio\\[train\\]|no sentence-embedding model"),
    ):
        request = JudgeRequest(judge="http", base_url="http://127.0.0.1:9/v1", model="m", **more)  # type: ignore[arg-type]
        with pytest.raises(Refused, match=said):
            make_judge(request, vectors=object())  # type: ignore[arg-type]
