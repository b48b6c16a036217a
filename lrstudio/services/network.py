"""From the settings to how requests travel."""

from __future__ import annotations

import os
from pathlib import Path

from lrstudio.domain.errors import Refused
from lrstudio.judge.transport import Transport
from lrstudio.services.settings import HttpSettings


def transport(http: HttpSettings) -> Transport:
    """Return the transport that the settings describe; header values that are $NAME come from the environment.

    Raises:
        Refused: such a variable is not set.
    """
    headers = {name: _value(name, value) for name, value in http.headers}
    return Transport(http.proxy, headers, Path(http.ca_file).expanduser() if http.ca_file else None)


def _value(name: str, value: str) -> str:
    if not value.startswith("$"):
        return value
    found = os.environ.get(value[1:])
    if found is None:
        raise Refused(
            f"the header {name} takes its value from the variable {value[1:]}, which is not set", where="http"
        )
    return found
