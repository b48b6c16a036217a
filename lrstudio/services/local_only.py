"""The mark that keeps a whole project on this machine; light, since every look at a project asks for it."""

from __future__ import annotations

from lrstudio.store.store import Store

LOCAL_ONLY = "local_only"


def project_is_local(store: Store) -> bool:
    """Tell whether all documents of the project must stay on this machine."""
    return bool(store.meta.get(LOCAL_ONLY))
