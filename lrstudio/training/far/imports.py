"""Import what training needs and say which versions: `python -m lrstudio.training.far.imports NAME ...`.

Really imported, as a library may be installed and yet not load: another CUDA, a missing system library.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys
from collections.abc import Sequence
from typing import Any, Final

MARK: Final = "lrstudio-imports "


def imports(names: Sequence[str]) -> dict[str, Any]:
    """Return this Python's version, the versions of some modules, and why each of the others does not load."""
    versions: dict[str, str] = {}
    fails: dict[str, str] = {}
    for name in names:
        try:
            module = importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - whatever a library's own start-up raises is the answer
            fails[name] = f"{type(error).__name__}: {error}"
            continue
        versions[name] = _version(name, module)
    return {"python": list(sys.version_info[:3]), "versions": versions, "fails": fails}


def _version(name: str, module: Any) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return str(getattr(module, "__version__", ""))


if __name__ == "__main__":
    sys.stdout.write(MARK + json.dumps(imports(sys.argv[1:])) + "\n")
