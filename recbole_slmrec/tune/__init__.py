"""Hyper-parameter tuning: trials are judged on validation, and only the winner is tested."""
