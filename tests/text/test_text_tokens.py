"""Tokens and chunks: where they are, and that pieces change nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrstudio.domain.errors import Refused
from lrstudio.text.chunks import decoded_chunks, token_chunks
from lrstudio.text.resources import resource
from lrstudio.text.tokens import PIECE, Tokenizer, pieces

TEXTS = st.text(
    alphabet=st.one_of(st.sampled_from(list("abc de. \n\t'é東京。ไทย😀\u200d🏽\u00a0\ud800")), st.characters()),
    max_size=120,
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.shipped()


def one_shot(text: str) -> list[tuple[int, int]]:
    import tokenizers

    encoder = tokenizers.Tokenizer.from_file(str(resource("tokenizer", "lrstudio-bpe.json")))
    return encoder.encode(text, add_special_tokens=False).offsets


def test_the_shipped_tokenizer_brings_every_text_back() -> None:
    import tokenizers

    encoder = tokenizers.Tokenizer.from_file(str(resource("tokenizer", "lrstudio-bpe.json")))
    for text in ("The dredger Ann lay at 3.5 fathoms.", " \n\t ", "東京 ไทย العربية 😀🏽 \x00\x7f\u2028"):
        assert encoder.decode(encoder.encode(text).ids) == text


def test_the_name_tells_tokenizers_apart(tokenizer: Tokenizer, tmp_path: Path) -> None:
    content = resource("tokenizer", "lrstudio-bpe.json").read_text(encoding="utf-8")
    assert tokenizer.name.startswith("lrstudio-bpe@")
    assert len(tokenizer.name.partition("@")[2]) == 12
    changed = json.loads(content)
    changed["model"]["merges"] = changed["model"]["merges"][:-1]
    path = tmp_path / "other.json"
    path.write_text(json.dumps(changed), encoding="utf-8")
    other = Tokenizer.load(path)
    assert other.name.startswith("other@")
    assert other.name.partition("@")[2] != tokenizer.name.partition("@")[2]
    assert Tokenizer.load(content).count("the harbour") == tokenizer.count("the harbour")


def test_what_is_no_tokenizer_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    path.write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(Refused, match=r"^wrong\.json: this is not a tokenizer\.json"):
        Tokenizer.load(path)
    with pytest.raises(Refused, match=r"^gone\.json: the tokenizer cannot be read"):
        Tokenizer.load(tmp_path / "gone.json")


def test_what_a_tokenizer_file_says_of_cutting_and_filling_up_is_not_done() -> None:
    import tokenizers

    encoder = tokenizers.Tokenizer.from_file(str(resource("tokenizer", "lrstudio-bpe.json")))
    encoder.add_special_tokens(["<|end|>"])
    encoder.enable_truncation(4)
    encoder.enable_padding(length=64)
    loaded = Tokenizer.load(encoder.to_str())
    text = "The dredger <|end|> lay at 3.5 fathoms."
    assert len(loaded.ids(text)) == loaded.count(text) == len(loaded.offsets(text)[0])
    assert 4 < loaded.count(text) < 64
    assert loaded.decode(loaded.ids(text)) == text


@given(text=TEXTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_tokens_of_a_text_bring_it_back(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.ids(text)) == re.sub("[\ud800-\udfff]", "\ufffd", text)
    assert len(tokenizer.ids(text)) == tokenizer.count(text)


def test_half_a_character_decodes_to_a_sign_of_its_own(tokenizer: Tokenizer) -> None:
    text = "𒀀" * 40
    ids, chunks = tokenizer.ids(text), token_chunks(text, tokenizer, 6)
    decoded = decoded_chunks(text, tokenizer, ids=ids, size=6, chunks=chunks)
    assert len(ids) == 160
    assert len(chunks) == 27
    assert decoded[chunks[0]].startswith("𒀀\ufffd")
    assert all(said != chunk.of(text) for chunk, said in decoded.items())
    with pytest.raises(Refused, match="does not say where its tokens are"):
        decoded_chunks(text, tokenizer, ids=ids, size=6, chunks=chunks[1:])


def test_a_tokenizer_is_named_by_file_folder_or_hub_id(tokenizer: Tokenizer, tmp_path: Path) -> None:
    content = resource("tokenizer", "lrstudio-bpe.json").read_text(encoding="utf-8")
    (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    digest = tokenizer.name.partition("@")[2]
    for name in (tmp_path, tmp_path / "tokenizer.json"):
        assert Tokenizer.named(str(name)).name == f"tokenizer@{digest}"
    for name in (str(tmp_path / "gone.json"), "gone.json", "a b/c", "../x/y"):
        with pytest.raises(Refused, match="cannot be read"):
            Tokenizer.named(name)
    with pytest.raises(Refused, match=r"^tokenizer nobody/none: .*HF_HUB_OFFLINE.*download its tokenizer\.json"):
        Tokenizer.named("nobody/none")


def test_a_hub_id_is_found_in_the_cache_without_a_network(tmp_path: Path) -> None:
    revision = "0" * 40
    kept = tmp_path / "hub" / "models--some--tokenizer"
    (kept / "snapshots" / revision).mkdir(parents=True)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(revision)
    shutil.copy(resource("tokenizer", "lrstudio-bpe.json"), kept / "snapshots" / revision / "tokenizer.json")
    code = (
        "from lrstudio.text.tokens import Tokenizer; it = Tokenizer.named('some/tokenizer'); "
        "print(it.name, it.count('the harbour') == Tokenizer.shipped().count('the harbour'))"
    )
    variables = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    name, same = done.stdout.split()
    assert name.startswith("some--tokenizer@")
    assert same == "True"


@given(text=TEXTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tokens_cover_the_text(tokenizer: Tokenizer, text: str) -> None:
    starts, ends = tokenizer.offsets(text)
    assert starts.dtype == ends.dtype == np.int32
    assert len(starts) == tokenizer.count(text)
    covered = {at for start, end in zip(starts, ends, strict=True) for at in range(start, end)}
    assert covered == set(range(len(text)))
    assert all(np.diff(starts) >= 0)


@pytest.mark.parametrize(
    "unit",
    [
        "The dredger's crew met at 9.30; it don't matter.\n\n  Indented, 1,234 tons — fine.\r\n",
        "港口的报告，写于一九二〇年。",
        '{"key":[1,22,333],"other":"value"}',
        "don't'll we've   x\t\ty 😀é́ ",
    ],
)
def test_pieces_have_the_tokens_of_the_whole(tokenizer: Tokenizer, unit: str) -> None:
    text = unit * (3 * PIECE // len(unit))
    cut = list(pieces(text))
    assert len(cut) >= 3
    assert "".join(piece for _, piece in cut) == text
    assert all(text.startswith(piece, at) for at, piece in cut)
    starts, ends = tokenizer.offsets(text)
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == one_shot(text)


def test_one_endless_word_is_cut_all_the_same(tokenizer: Tokenizer) -> None:
    text = "x" * (40 * PIECE)
    assert max(len(piece) for _, piece in pieces(text)) <= 17 * PIECE
    starts, ends = tokenizer.offsets(text)
    assert starts[0] == 0
    assert ends[-1] == len(text)
    assert (starts[1:] == ends[:-1]).all()


@given(text=TEXTS, size=st.integers(1, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_chunks_partition_the_text(tokenizer: Tokenizer, text: str, size: int) -> None:
    chunks = token_chunks(text, tokenizer, size)
    assert "".join(chunk.of(text) for chunk in chunks) == text
    assert all(a.end == b.start for a, b in pairwise(chunks))
    assert all(len(chunk) for chunk in chunks)
    starts, _ = tokenizer.offsets(text)
    for chunk in chunks:
        inside = int(np.sum((starts >= chunk.start) & (starts < chunk.end)))
        # Only a character of several tokens, whole in the later window, can make a window longer than `size`.
        assert inside <= size + 3


def test_plain_windows_hold_exactly_size_tokens(tokenizer: Tokenizer) -> None:
    text = resource("samples", "harbour-report.md").read_text(encoding="utf-8")
    chunks = token_chunks(text, tokenizer, 128)
    starts, _ = tokenizer.offsets(text)
    counts = [int(np.sum((starts >= chunk.start) & (starts < chunk.end))) for chunk in chunks]
    assert len(chunks) == -(-len(starts) // 128)
    assert sum(count != 128 for count in counts[:-1]) <= len(chunks) // 50
    assert sum(counts) == len(starts)


def test_a_window_of_no_token_is_a_bug(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        token_chunks("a", tokenizer, 0)
