"""LongPO's data, by the model itself: a question about a passage, a short answer from it, a long one from the document.

arXiv 2502.13922, section 3: of a long document some passages are taken; the model asks a question about each, answers
it from the passage (chosen) and from the whole document (rejected). The questions of a document are the turns of one
conversation. The documents are those of the rows of pairs.jsonl, each once.

    longpo/parts/     what has become of each document so far, one file each; gone when all are done
    longpo/pairs.jsonl  the rows
    longpo/counts.json  how many there were of what
"""

from __future__ import annotations

import json
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from lrstudio.domain.errors import Refused
from lrstudio.training import wire
from lrstudio.training.folder import replace_file
from lrstudio.training.health import repetition
from lrstudio.training.rows import Row, Turn, line_of, parts_of, rows_of
from lrstudio.training.spool import Orders, Spool
from lrstudio.training.wire import Phase, Spec, to_json
from lrstudio.worker import generate, loading
from lrstudio.worker.generate import Generated, Sampling
from lrstudio.worker.preparing import numbers
from lrstudio.worker.sources import FOLDER, PAIRS, documents_of

PARTS: Final = "parts"
COUNTS: Final = "counts.json"

ASK: Final = (
    "{passage}\n\n"
    "Above is a part of a longer document. Ask one question that a reader of the whole document could have. It must be "
    "answerable from this part alone, and its answer must bring together what several sentences of it say. Name the "
    "people, things and dates that you ask about, so that it is clear without seeing this part, and do not mention "
    "that there is a part. Use the language of the text. Write the question and nothing else, on one line."
)
"""What the model is sent to ask about a passage."""

_QUESTION_TOKENS: Final = 256
_LEAD: Final = re.compile(r"^\s*(?:[-*>#]+\s*|\(?\d{1,2}[.):]\s*|(?:question|q)\s*\d*\s*[:.]\s*)+", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_IDEOGRAPH: Final = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_REFUSING: Final = re.compile(
    r"\b(?:i am|i'm|i’m) (?:sorry|unable|not able)\b|\bi (?:cannot|can't|can’t|could not|couldn't) (?:answer|find|help|"
    r"provide|determine|assist)\b|\bas an? (?:ai|artificial|language model)\b|\b(?:document|text|passage|context|"
    r"article)s? (?:does|do|did) ?(?:not|n't|n’t) (?:\w+ )?(?:mention|say|state|contain|provide|include|specify|answer)"
    r"|\b(?:is|are) not (?:mentioned|stated|provided|specified|given) in\b|\bno information (?:about|on|is)\b|"
    r"\bnot enough information\b|抱歉|无法回答|没有提到|未提及|没有提供",
    re.IGNORECASE,
)
_LOOPING: Final = {"chosen": 0.9, "rejected": 0.95}  # shares of repeated runs; LongPO's script bounds repeated words so


@dataclass(frozen=True, slots=True)
class DataJob:
    """What the data of a run are made with: the model that the run starts from."""

    run: Path
    options: Mapping[str, Any]
    model: Any
    tokenizer: Any
    spool: Spool
    go_on: Callable[[], bool]
    numbers: Callable[[], AbstractContextManager[Any]]

    def make(self) -> bool:
        """Make the rows of all documents, as far as they are not there; False where told to stop.

        Raises:
            Refused: no document gave a pair; says what became of them.
        """
        folder = self.run / FOLDER
        if (folder / PAIRS).exists():
            return True
        parts = folder / PARTS
        parts.mkdir(parents=True, exist_ok=True)
        documents = documents_of(rows_of(self.run / wire.PAIRS))
        rows, counts = [], Counter({"documents": len(documents)})
        for place, row in enumerate(documents):
            path = parts / f"{place:06d}.json"
            if not path.exists():
                if not self.go_on():
                    return False
                why = f"makes LongPO's data: {place} of {len(documents)} documents"
                self.spool.phase(Phase.RUNNING, why=why)
                made, found = self._document(row)
                replace_file(path, to_json({"row": line_of(made) if made else "", "counts": dict(found)}))
            kept = json.loads(path.read_text(encoding="utf-8"))
            counts.update(kept["counts"])
            rows += [kept["row"]] if kept["row"] else []
        counts["rows"] = len(rows)
        said = said_of(counts)
        if not rows:
            raise Refused(f"the model made no pair: {said}", where="data")
        replace_file(folder / COUNTS, to_json(dict(counts)))
        replace_file(folder / PAIRS, "\n".join(rows))
        shutil.rmtree(parts)
        self.spool.phase(Phase.RUNNING, why=f"LongPO's data: {said}")
        return True

    def _document(self, row: Row) -> tuple[Row | None, Counter[str]]:
        """Make one conversation of a document, with a turn for each passage that gives a pair."""
        counts: Counter[str] = Counter()
        document, _ = parts_of(row)
        passages = chunks(document, self.tokenizer, size=self.options["chunk_tokens"])
        if len(passages) < 2:
            return None, Counter({"short_documents": 1})
        dice = random.Random(generate.seed_of(self.options["seed"], row.row_id))
        chosen = sorted(dice.sample(range(len(passages)), min(self.options["data_turns"], len(passages))))
        turns = []
        with generate.ready(self.model), self.numbers():
            for number in chosen:
                counts["questions"] += 1
                turn, problem = self._turn(document, passages[number], system=row.system, seed=(row.row_id, number))
                counts[problem or "turns"] += 1
                turns += [turn] if turn else []
        if not turns:
            return None, counts
        first = turns[0]
        return replace(
            row,
            prompt=f"{document}\n\n{first.question}",
            question=first.question,
            short=first.short,
            chosen=first.chosen,
            rejected=first.rejected,
            turns=tuple(turns[1:]),
        ), counts

    def _turn(self, document: str, passage: str, *, system: str, seed: tuple[str, int]) -> tuple[Turn | None, str]:
        """Return a turn, or None and what is wrong with it."""
        options = self.options
        asking = Sampling(_QUESTION_TOKENS, options["temperature"], options["top_p"])
        asked = self._said(ASK.replace("{passage}", passage), asking, system="", seed=(*seed, "question"))
        question = question_in(asked.text)
        if question is None:
            return None, "no_question"
        answering = Sampling(options["answer_tokens"], options["answer_temperature"])
        short = f"{passage}\n\n{question}"
        found = {
            "chosen": self._said(short, answering, system=system, seed=(*seed, "chosen")),
            "rejected": self._said(f"{document}\n\n{question}", answering, system=system, seed=(*seed, "rejected")),
        }
        for side, said in found.items():
            problem = wrong_with(said.text, said.tokens, most_repeated=_LOOPING[side])
            if problem:
                return None, problem
        chosen, rejected = (it.text.strip() for it in found.values())
        if chosen == rejected:
            return None, "same_answers"
        return Turn(question=question, chosen=chosen, rejected=rejected, short=short), ""

    def _said(self, prompt: str, sampling: Sampling, *, system: str, seed: tuple[object, ...]) -> Generated:
        tokens = generate.prompt_tokens(self.tokenizer, prompt, system=system)
        seeds = [generate.seed_of(self.options["seed"], *seed)]
        return generate.generate(self.model, self.tokenizer, tokens, sampling, seeds=seeds)[0]


def make_data(run: Path, spec: Spec, options: Mapping[str, Any], *, spool: Spool, orders: Orders) -> bool:
    """Make the data of a run by the model that it starts from, where they are not there; False where told to stop.

    Raises:
        Refused: the model cannot be loaded, or no document gave a pair.
    """
    if (run / FOLDER / PAIRS).exists():
        return True
    tokenizer = loading.load_tokenizer(Path(spec.model))
    model = loading.load_model(Path(spec.model), options)
    try:
        return DataJob(
            run, options, model, tokenizer, spool, lambda: not orders.stop.is_set(), lambda: numbers(options)
        ).make()
    finally:
        loading.release(model)


def chunks(text: str, tokenizer: Any, *, size: int) -> list[str]:
    """Cut a text into passages of `size` tokens at most, at the end of a paragraph where one ends in the last half.

    A passage without such an end is cut at the end of a line or a word. What is left at the end is a passage where it
    has half the size at least, else it is left out.
    """
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    starts = [start for start, _ in found]
    passages, at = [], 0
    while at < len(starts):
        end = at + size
        if end >= len(starts):
            if len(starts) - at >= size / 2:
                passages.append(text[starts[at] :].strip())
            break
        cut = _cut(text, starts[at + size // 2], starts[end])
        passages.append(text[starts[at] : cut].strip())
        while at < len(starts) and starts[at] < cut:
            at += 1
    return [it for it in passages if it]


def _cut(text: str, least: int, most: int) -> int:
    for mark in ("\n\n", "\n", " "):
        found = text.rfind(mark, least, most)
        if found > least:
            return found + len(mark)
    return max(most, least + 1)


def question_in(said: str) -> str | None:
    """Return the question that a model has written, without number or quotes; None where there is none."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    question = _LEAD.sub("", lines[0]).strip().strip("\"“”'*").strip() if lines else ""
    return question if _has_words(question) else None


def wrong_with(text: str, tokens: Sequence[int], *, most_repeated: float) -> str:
    """Name what makes an answer useless: empty, refusals or repetitive; "" where nothing does."""
    if not _has_words(text):
        return "empty"
    if _REFUSING.search(text):
        return "refusals"
    return "repetitive" if repetition(tokens) > most_repeated else ""


def said_of(counts: Mapping[str, int]) -> str:
    """Say in a sentence what became of the documents."""
    words = {
        "short_documents": "documents with fewer than two passages",
        "no_question": "passages without a question",
        "empty": "empty answers",
        "refusals": "refusals",
        "repetitive": "answers that repeat themselves",
        "same_answers": "pairs of equal answers",
    }
    left_out = [f"{counts[name]} {what}" for name, what in words.items() if counts.get(name)]
    pairs, rows = counts.get("turns", 0), counts.get("rows", 0)
    said = f"{pairs} pairs in {rows} conversations from {counts['documents']} documents"
    return said + (f"; left out: {', '.join(left_out)}" if left_out else "")


def _has_words(text: str) -> bool:
    return len(_WORD.findall(text)) >= 2 or len(_IDEOGRAPH.findall(text)) >= 6
