"""Measurements: one command, one table, ratios from one run."""
