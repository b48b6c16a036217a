"""`ray start`, with Ray's own Python: of the dashboard only what serves jobs, and no server for remote drivers."""

import sys

from ray._private import services
from ray._private.node import Node
from ray.scripts import scripts

_begin = services.start_ray_process


def _begin_lean(command, *words, **more):
    if any(word.endswith("dashboard.py") for word in command):
        command = [*command, "--modules-to-load=JobHead,NodeHead"]
    return _begin(command, *words, **more)


if __name__ == "__main__":
    services.start_ray_process = _begin_lean
    Node.start_ray_client_server = lambda self: None
    sys.exit(scripts.main())
