"""Use cases: plain classes that get everything through the constructor. `wiring` is the one place that knows all."""

from lrstudio.services.wiring import create_project, open_project

__all__ = ["create_project", "open_project"]
