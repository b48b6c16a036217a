"""A project that people labelled, and a judge whose verdicts hang on one word of its prompts.

Twelve documents, a question and an answer of three claims on each: one true, one half true ("partly"), one false
("never"). People gave every claim its right label and every answer a helpfulness. With our own prompts the judge takes
all for true; where a support template says STRICT it tells them apart, but for the true claims of each fourth document,
which it takes for half true. Its helpfulness is 2 too high, with STRICT 1 too low.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import anyio

from lrstudio.domain.decisions import Target
from lrstudio.domain.verdicts import Dimension, Support
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.packs import PackInfo, Packs
from lrstudio.services.wiring import Project, create_project
from tests.doubles.chat_server import Answer, ChatServer, Request, plausible

DOCUMENTS = 12
F, H = Dimension.FAITHFULNESS, Dimension.HELPFULNESS
REQUEST = JudgeRequest(judge="http", model="judge")


def policy(request: Request) -> Answer:
    strict = "STRICT" in request.prompt
    if request.call == "support":
        verdict, claim = "full", request.part("claim")
        if strict:
            verdict = "partial" if "partly" in claim else "none_contradicted" if "never" in claim else "full"
            if verdict == "full" and int(re.findall(r"\d+", claim)[0]) % 4 == 0:
                verdict = "partial"
        return Answer(json.dumps({"analysis": "Read.", "passages": [1], "verdict": verdict}))
    if request.call == "helpfulness":
        right = helpfulness(int(re.findall(r"\d+", request.part("answer"))[0]))
        return Answer(json.dumps({"analysis": "Rated.", "score": right - 1 if strict else right + 2}))
    return plausible(request)


def helpfulness(number: int) -> int:
    return 2 + number % 6


def truth(claim: str) -> Support:
    return Support.PARTIAL if "partly" in claim else Support.NONE if "never" in claim else Support.FULL


def labelled_project(path: Path, server: ChatServer, *, documents: int = DOCUMENTS) -> Project:
    """Make the project, judge it once with our own pack, and let ann label it; the claims of odd documents blind."""
    made = create_project(path, reviewer="ann")
    answers: list[str] = []
    for number in range(1, documents + 1):
        text = f"Log of ship {number}. Ship {number} sailed in May, came home in June and was sold in July to a cooper."
        at = made.imports.add_document(title=f"Log {number}", text=text, document_id=f"log-{number}").id
        question = made.imports.add_question(document_id=at, query=f"What became of ship {number}?").id
        answer = (
            f"Ship {number} sailed in May. Ship {number} was partly sold in July. Ship {number} never came home again."
        )
        answers.append(made.imports.add_candidate(question_id=question, text=answer).id)
    request = JudgeRequest(judge="http", base_url=server.base_url, model="judge", dimensions=(F, H))
    anyio.run(partial(made.judging.run, request, emit=lambda _: None))
    for number, answer in enumerate(answers, start=1):
        detail = made.audit.candidate(answer)
        for it in detail.standings[F].claims:
            made.decisions.override(
                Target(answer, F, it.claim.claim_id),
                support=truth(it.claim.text),
                blind=number % 2 == 1,
            )
        made.decisions.set_score(Target(answer, H), helpfulness(number))
    return made


def strict_copy(packs: Packs, name: str = "mine") -> tuple[PackInfo, PackInfo]:
    """Copy our pack and make its support and helpfulness templates strict; returns it before and after."""
    first = packs.copy(packs.find("longreward-studio"), name)
    texts = {it.file: it.text for it in packs.templates(first)}
    return first, packs.save(first, {file: f"{texts[file]}\nBe STRICT.\n" for file in ("support.md", "helpfulness.md")})
