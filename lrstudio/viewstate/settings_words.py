"""The words of the settings: sections, labels and meanings."""

from __future__ import annotations

from collections.abc import Mapping

from lrstudio.viewstate.judge_fields import FieldWords

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Endpoint", ("base_url", "model", "key")),
    ("Prices", ("prices", "input_price", "output_price")),
    ("Limits", ("concurrency", "timeout", "requests_per_minute", "tokens_per_minute")),
    ("Passages", ("retrieval", "embedding_model", "embedding_base_url")),
    ("Network", ("proxy", "ca_file", "headers")),
)
FIELDS: Mapping[str, FieldWords] = {
    "base_url": FieldWords("Base URL", "The judge's endpoint, up to and including /v1."),
    "model": FieldWords("Model", "The model's name there."),
    "key": FieldWords("API key", "Goes into the system keyring, never into a file. Empty leaves what is there."),
    "prices": FieldWords(
        "By model", "For a million tokens, in dollars; embedding models cost input alone. A spend limit needs prices."
    ),
    "input_price": FieldWords("Others, input", "What any model costs that is not in the table; empty is unknown."),
    "output_price": FieldWords("Others, output", "The same for what a model writes."),
    "concurrency": FieldWords("Calls in flight", "At most so many at once; fewer while the endpoint is overloaded."),
    "timeout": FieldWords("Seconds a call", "A call that takes longer counts as failed."),
    "requests_per_minute": FieldWords("Calls a minute", "At most so many in any 60 seconds."),
    "tokens_per_minute": FieldWords("Tokens a minute", "At most so many, in and out together."),
    "retrieval": FieldWords("Passages by", "How the passages for a claim are found, unless a run asks otherwise."),
    "embedding_model": FieldWords("Embedding model", "Its name at the endpoint, or the folder of a local model."),
    "embedding_base_url": FieldWords("Embedding URL", "Where it answers; empty asks where the judge is."),
    "proxy": FieldWords("Proxy", "Empty leaves it to the environment. Never used towards this machine."),
    "ca_file": FieldWords("Own CA", "A file of certificates (PEM) in place of the system's."),
    "headers": FieldWords(
        "Extra headers", "Sent to the host of the base URL, to no other. $NAME takes the value from the environment."
    ),
}
