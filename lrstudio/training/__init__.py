"""Runs: the run folder and its wire format, the supervisor, launchers and readers. Standard library only, no torch."""
