"""What a model recommends to all users, in sums, and to those of the page, in full."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from tqdm import tqdm

from recbole_slmrec.explore.trained import Trained


@dataclass
class Ranked:
    """The K best items of users.

    Attributes:
        parts: what shares are of; empty for a model whose score is no sum over modalities.
        got: how many of all users get each item, shape (|I|,), the padding in row 0.
        n: recommendations to all users.
        shares: the mean share of each part in the scores of all of them.
        shown: the recommendations to the page's users: ``user``, ``item``, ``rank``, ``score`` and
            ``why_*``, as :meth:`~recbole_slmrec.recommend.Recommender.explain` gives them.
    """

    got: np.ndarray
    parts: list[str] = field(default_factory=list)
    n: int = 0
    shares: np.ndarray = field(default_factory=lambda: np.zeros(0))
    shown: pd.DataFrame = field(default_factory=pd.DataFrame)


def rank_all(trained: Trained, page_users: np.ndarray, k: int) -> Ranked:
    """Ranks all items for all users, a block of users at a time.

    Args:
        trained: what ranks them.
        page_users: rows of the users whose recommendations are kept.
        k: how many items a user gets at most; what a user has is left out.
    """
    recommender = trained.recommender
    everyone, items = recommender.users.all_rows(), recommender.items.all_rows()
    on_page = set(recommender.users.tokens[page_users])
    ranked, kept = Ranked(np.zeros(len(items) + 1, np.int64)), []
    # disable=None: on a terminal only.
    with tqdm(total=len(everyone), unit=" users", desc=recommender.name, disable=None) as bar:
        for frame in recommender.blocks(everyone, items, k, recommender.seen):
            if not np.isfinite(frame["score"]).all():
                raise ValueError(
                    f"{trained.file} gives scores that are no finite numbers: its training has gone "
                    "astray; train the model anew"
                )
            n_users = frame["user"].nunique()
            if trained.has_shares:
                frame = recommender.explain(frame)
            _add(ranked, frame, recommender.items.rows(frame["item"]))
            kept.append(frame[frame["user"].isin(on_page)])
            bar.update(n_users)
    ranked.shown = pd.concat(kept, ignore_index=True)
    ranked.shares = ranked.shares / max(ranked.n, 1)
    return ranked


def _add(ranked: Ranked, frame: pd.DataFrame, items: np.ndarray) -> None:
    shares = frame.filter(regex="^why_")
    ranked.parts = [name.removeprefix("why_") for name in shares]
    sums = shares.to_numpy(np.float64).sum(axis=0)
    ranked.shares = sums if ranked.n == 0 else ranked.shares + sums
    ranked.got += np.bincount(items, minlength=len(ranked.got))
    ranked.n += len(frame)
