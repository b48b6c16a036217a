"""Train the tokenizer that ships with the studio: byte-level BPE, 4096 tokens, from the studio's own texts.

    python packaging/train_tokenizer.py

reads the Markdown files of resources/samples/ and resources/handbook/ and writes
resources/tokenizer/lrstudio-bpe.json. The result depends on those texts alone;

    python packaging/train_tokenizer.py --check

trains twice in processes of their own, prints both hashes beside that of the shipped file, and exits 1 when the two
differ. Judge runs record the tokenizer by its content, and a new one moves every chunk border: train again only when
that is wanted, not because a text has changed.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "resources" / "tokenizer" / "lrstudio-bpe.json"
VOCABULARY = 4096


def train() -> str:
    """Return the tokenizer as compact JSON."""
    folders = (ROOT / "resources" / "samples", ROOT / "resources" / "handbook")
    texts = [path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.rglob("*.md"))]
    if not texts:
        raise SystemExit("there is no Markdown file in resources/samples or resources/handbook to train on")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    # All 256 bytes are in the alphabet, so every text can be encoded and comes back unchanged.
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return str(tokenizer.to_str(pretty=False))


def check() -> int:
    """Train twice in fresh processes and compare the results."""
    command = [sys.executable, __file__, "--print"]
    results = [subprocess.run(command, check=True, capture_output=True).stdout for _ in range(2)]
    hashes = [hashlib.sha256(content).hexdigest() for content in (*results, TARGET.read_bytes())]
    for name, digest in zip(("first", "second", "shipped"), hashes, strict=True):
        print(f"{name:8}{digest}")
    return 0 if hashes[0] == hashes[1] else 1


def main() -> int:
    """Train and write, print, or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="train twice and compare")
    parser.add_argument("--print", action="store_true", help="write the result to standard output")
    options = parser.parse_args()
    if options.check:
        return check()
    content = train().encode("utf-8")
    if options.print:
        sys.stdout.buffer.write(content)
        return 0
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_bytes(content)
    print(f"{TARGET.relative_to(ROOT)}: {len(content)} bytes, {hashlib.sha256(content).hexdigest()[:12]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
