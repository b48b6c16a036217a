"""The four dimensions, prompt packs, judges, call cache, limits and the pipeline. Pure anyio, no Qt, no SQL."""
