"""Agreement, calibration, correction, length bias and ranking: pure functions over arrays, no I/O and no clock."""
