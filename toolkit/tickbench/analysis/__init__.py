"""Pure functions on numbers that were measured: no files, no clock, no randomness."""
