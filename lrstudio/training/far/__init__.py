"""What runs on a host, started there as `python -m lrstudio.training.far.<x>`: the standard library and this room."""
