"""Text without meaning: sentences, tokens, chunks, retrieval, words. Every offset is a code point of the given text."""
