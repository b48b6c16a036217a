"""Use cases: plain classes that get everything through the constructor. `wiring` is the one place that knows all."""
