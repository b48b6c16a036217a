"""The command line: one file per verb. Data goes to standard output, messages to standard error."""

VERBS = (
    "new",
    "import",
    "sample",
    "consent",
    "judge",
    "packs",
    "show",
    "decide",
    "pairs",
    "set",
    "export",
    "find",
    "page",
    "queue",
    "report",
    "reviewers",
    "merge",
    "tour",
)
