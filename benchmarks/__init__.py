"""Measurements: one command, one table, ratios from one run."""

import recbole_slmrec  # noqa: F401 - before torch, whose memory it sets up
