"""Recommendations from a checkpoint: for whom, of what, in which order, and why."""

from recbole_slmrec.recommend.recommender import Recommender

__all__ = ["Recommender"]
