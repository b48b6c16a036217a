"""The window: a shell over the services. The only room that knows Qt."""

import builtins

PLAIN_IMPORT = builtins.__import__
"""Python's own import, taken before PySide6 puts a hook in front of it; see `lrstudio.qt.app`."""
