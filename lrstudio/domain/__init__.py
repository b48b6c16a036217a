"""The words of the studio as frozen records: standard library only, no I/O, no clock, no randomness."""
