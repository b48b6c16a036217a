"""The words of the form before a judge run: what each field is called and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldWords:
    """A field's label, and one sentence on what it does."""

    label: str
    meaning: str


JUDGES: Mapping[str, FieldWords] = {
    "lexical": FieldWords(
        "Lexical, built in",
        "No network and no model. It scores faithfulness and completeness from the words themselves, leaves "
        "helpfulness and logicality unscored, and abstains where it is near chance.",
    ),
    "http": FieldWords("A language model", "Any OpenAI-compatible endpoint: hosted, vLLM, Ollama, llama.cpp."),
    "scripted": FieldWords(
        "Scripted", "Deterministic verdicts from a file, or by a simple rule. For trying things out."
    ),
}
ADDRESS, SERVED, HOST = "address", "served", "host"
PLACES: Mapping[str, str] = {
    ADDRESS: "At an address",
    SERVED: "In a server that the studio starts and stops",
    HOST: "On a host, by batch files",
}
HOST_MODEL = "A name that the host knows, or an absolute folder there."
NO_HOST = "No host is known yet: add one in the Training workspace."
RETRIEVALS: Mapping[str, FieldWords] = {
    "bm25": FieldWords("BM25", "By shared words. No model, nothing is sent."),
    "embeddings": FieldWords("Embeddings", "By vectors of an embeddings endpoint, as in the LongReward paper."),
    "local": FieldWords("Local model", "By vectors of a sentence-embedding model in a folder of this machine."),
    "fusion": FieldWords("Fusion", "BM25 and vectors together, by reciprocal rank."),
}
FIELDS: Mapping[str, FieldWords] = {
    "judge": FieldWords("Judge", "Who judges."),
    "place": FieldWords("Model is", "Where the model answers."),
    "base_url": FieldWords("Base URL", "The endpoint's address, up to and including /v1."),
    "model": FieldWords("Model", "Its name at the endpoint."),
    "key": FieldWords("API key", "Kept in the system keyring, never in a file; empty takes the stored one."),
    "host": FieldWords("Host", "Its batch command answers the calls, file by file; it goes on without this window."),
    "serve": FieldWords("Command", "Started on a free port of this machine for the run, then stopped."),
    "script": FieldWords("Script file", "A JSON file of verdicts; empty judges by a simple rule."),
    "scope": FieldWords("Candidates", "Which are judged; what is judged already is not judged again."),
    "dimensions": FieldWords("Dimensions", "Which scores are wanted."),
    "spend_limit": FieldWords("Spend limit", "The run stops before it costs more; it can go on later."),
    "prompts": FieldWords("Prompt pack", "A folder of templates; empty takes the studio's own."),
    "samples": FieldWords("Samples", "How often each scoring and support call is made; the spread is kept."),
    "concurrency": FieldWords("Calls in flight", "At most so many at once; fewer while the endpoint is overloaded."),
    "limit": FieldWords("At most", "Only so many of the outstanding candidates; the rest waits for the next run."),
    "retrieval": FieldWords("Passages by", "How the passages for a claim are found."),
    "embedding_model": FieldWords("Embedding model", "Its name at the endpoint, or the folder of a local model."),
    "embedding_base_url": FieldWords("Embedding URL", "Where it answers; empty asks where the judge is."),
    "tokenizer": FieldWords(
        "Tokenizer", "A tokenizer.json or a Hugging Face id that chunks are measured with; empty takes the studio's."
    ),
    "context": FieldWords("Context", "Tokens that prompt and reply may have on the host; 0 takes what it says itself."),
    "timeout": FieldWords("Seconds a call", "A call that takes longer counts as failed."),
}


def field_named(where: str) -> str:
    """Return the field that a refusal names, "" where it names none of them."""
    wanted = where.casefold().replace("_", " ").strip()
    aliases = {"serve": "serve", "prices": "spend_limit", "local only": "base_url", "consent": "base_url"}
    for name, words in FIELDS.items():
        if wanted in (words.label.casefold(), name.replace("_", " ")):
            return name
    return aliases.get(wanted, "")
