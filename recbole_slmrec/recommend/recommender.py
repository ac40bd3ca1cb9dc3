"""Recommender: what a checkpoint recommends, in the ids of the data."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from recbole.model.abstract_recommender import GeneralRecommender

from recbole_slmrec import quick_start
from recbole_slmrec.data.item_fields import ItemFields
from recbole_slmrec.data.modality import Source, selected_sources
from recbole_slmrec.model.recommender import VectorRecommender
from recbole_slmrec.model.rows import Part
from recbole_slmrec.recommend.ids import Ids
from recbole_slmrec.recommend.new_items import new_item_vectors, read_new_items
from recbole_slmrec.recommend.new_users import new_user_vectors
from recbole_slmrec.recommend.pairs import Pairs
from recbole_slmrec.recommend.ranking import Ranking, rank
from recbole_slmrec.recommend.scores import ModelScores, Scores, VectorScores
from recbole_slmrec.recommend.similar import alike
from recbole_slmrec.recommend.why import Shares
from recbole_slmrec.registry import MODELS

EXCLUSIONS = ("seen", "none")


class Recommender:
    """Ranks items for users, ours or RecBole's general recommenders alike.

    Users and items are named by the ids that they have in the data, always.

    Args:
        model: the model, in evaluation mode.
        scores: what scores users and items, as a rule by the model.
        users: the ids of the users, in the order of their rows.
        items: the ids of the items, in the order of their rows.
        seen: every interaction of the data, those of validation and test too.
        sources: of the model's modalities, in its order.
        item_fields: where the fields of the items stand.

    Example:
        >>> from recbole_slmrec.recommend import Recommender
        >>> recommender = Recommender.load("saved/SLMRec.pth")
        >>> recommender
        <Recommender of SLMRec: 60 users, 45 items>
    """

    def __init__(
        self,
        model: GeneralRecommender,
        scores: Scores,
        users: Ids,
        items: Ids,
        seen: Pairs,
        sources: dict[str, Source] | None = None,
        item_fields: ItemFields | None = None,
    ):
        self.model = model
        self.scores = scores
        self.users = users
        self.items = items
        self.seen = seen
        self.sources = sources or {}
        self.item_fields = item_fields

    def __repr__(self) -> str:
        return f"<Recommender of {self.name}: {len(self.users):,} users, {len(self.items):,} items>"

    @property
    def name(self) -> str:
        """The model's name."""
        return type(self.model).__name__

    @classmethod
    @torch.inference_mode()
    def load(
        cls, path: str | os.PathLike, config_dict: dict[str, Any] | None = None
    ) -> Recommender:
        """Reads a checkpoint and the data that it was trained on.

        Args:
            path: a checkpoint that a run or a refit has saved.
            config_dict: settings that are other than the run's, such as ``data_path`` or
                ``use_gpu``.

        Raises:
            FileNotFoundError: if the checkpoint or its data set is not there.
            ValueError: if the checkpoint cannot be read, its data set has changed since, or its
                model is not a general recommender.
        """
        return cls.of(path, *quick_start.load_data_and_model(str(path), config_dict))

    @classmethod
    @torch.inference_mode()
    def of(cls, path: str | os.PathLike, config, model, dataset, *loaders) -> Recommender:
        """What :meth:`load` gives, from what it reads.

        Args:
            path: the checkpoint, for messages.
            config, model, dataset, loaders: as
                :func:`~recbole_slmrec.quick_start.load_data_and_model` gives them.

        Raises:
            ValueError: if the model is not a general recommender.
        """
        if not isinstance(model, GeneralRecommender):
            raise ValueError(
                f"{path} is a checkpoint of {config['model']}, which does not rank items for a "
                "user alone: recommend from a general recommender, ours or RecBole's"
            )
        model.eval()
        scores = (
            # A vector may be a parameter itself.
            VectorScores(*(table.detach() for table in model()))
            if isinstance(model, VectorRecommender)
            else ModelScores(model)
        )
        splits = [loader._dataset.inter_feat for loader in loaders if loader is not None]
        users, items = (
            np.concatenate([split[field].numpy() for split in splits])
            for field in (dataset.uid_field, dataset.iid_field)
        )
        return cls(
            model,
            scores,
            Ids("user", dataset.field2id_token[dataset.uid_field][1:]),
            Ids("item", dataset.field2id_token[dataset.iid_field][1:]),
            Pairs(users, items, dataset.user_num),
            selected_sources(config["item_modalities"], config["modalities"]),
            ItemFields.of(dataset),
        )

    def with_new_items(self, path: str | os.PathLike) -> Recommender:
        """This recommender with items that are known by their features only.

        Their vectors are those of items without interactions and with a zero ID embedding (see
        :func:`~recbole_slmrec.recommend.new_items.new_item_vectors`).

        Args:
            path: a file that is called by its modality, or a folder of such; rows are keyed by
                item id.

        Returns:
            Another recommender, whose last items are the new ones.

        Raises:
            FileNotFoundError, ValueError: as
                :func:`~recbole_slmrec.recommend.new_items.read_new_items`, and if an item is
                known already.
        """
        ids, features = read_new_items(Path(path), self.model, self.sources)
        self.items.check_new(ids)
        with torch.inference_mode():
            users, items = self.vectors()
            new = new_item_vectors(self.model, features, Part(users, items))
            items = torch.cat([items, new])
        tokens = [*self.items.tokens[1:], *ids]
        return Recommender(
            self.model,
            VectorScores(users, items),
            self.users,
            Ids("item", tokens),
            self.seen,
            self.sources,
            self.item_fields,
        )

    def with_new_users(self, pairs: Iterable[tuple]) -> Recommender:
        """This recommender with users that are known by a list of items (SLMRec, MMLightGCN).

        Each gets the vector that the encoder gives to a user with a zero embedding and these
        interactions (see :func:`~recbole_slmrec.recommend.new_users.new_user_vectors`). The items
        count as seen.

        Args:
            pairs: ids of a new user and of an item that the model was trained with.

        Returns:
            Another recommender, whose last users are the new ones.

        Raises:
            ValueError: for a user that is known already, an item that was not there at training,
                no pairs, or a model that cannot do it.
        """
        pairs = list(dict.fromkeys((str(user), str(item)) for user, item in pairs))
        if not pairs:
            raise ValueError("new users: there is no pair of user and item")
        ids = list(dict.fromkeys(user for user, _ in pairs))
        self.users.check_new(ids)
        items = self.items.rows(item for _, item in pairs)
        if items.max() >= self.model.n_items:
            raise ValueError("new users: their items must be known from training, not new as well")
        places = {each: place for place, each in enumerate(ids)}
        users = np.array([places[user] for user, _ in pairs])
        own = [torch.from_numpy(items[users == place]) for place in range(len(ids))]
        with torch.inference_mode():
            of_users = new_user_vectors(self.model, own)
            old, vectors = self.vectors()
        n_users = len(self.users) + 1
        return Recommender(
            self.model,
            VectorScores(torch.cat([old, of_users]), vectors),
            Ids("user", [*self.users.tokens[1:], *ids]),
            self.items,
            self.seen.with_more(n_users + users, items, n_users + len(ids)),
            self.sources,
            self.item_fields,
        )

    def recommend(
        self,
        users: Iterable | None = None,
        k: int = 10,
        items: Iterable | None = None,
        exclude: str | Iterable[tuple] = "seen",
    ) -> pd.DataFrame:
        """The K best items of each user.

        Args:
            users: ids of users; all by default.
            k: how many items a user gets; fewer where fewer are left.
            items: ids of the items to choose from; all by default.
            exclude: ``seen`` leaves out every item that the user has in the data, in whichever
                split; ``none`` nothing; otherwise pairs of user and item.

        Returns:
            Columns ``user``, ``item``, ``rank`` (from 1) and ``score``, a row a recommendation.

        Raises:
            ValueError: for an unknown user or item, or a ``k`` below 1; the message names it.

        Example:
            >>> from recbole_slmrec.recommend import Recommender
            >>> recommender = Recommender.load("saved/SLMRec.pth")
            >>> found = recommender.recommend(["u0", "u7"], k=3)
            >>> found[["user", "rank"]].values.tolist()
            [['u0', 1], ['u0', 2], ['u0', 3], ['u7', 1], ['u7', 2], ['u7', 3]]
            >>> bool(found["item"].isin(recommender.recommend(["u0"], items=["i1"])["item"]).any())
            False
        """
        users = self.users.all_rows() if users is None else self.users.rows(users)
        items = self.items.all_rows() if items is None else np.unique(self.items.rows(items))
        return pd.concat(self.blocks(users, items, k, self.excluded(exclude)), ignore_index=True)

    @torch.inference_mode()
    def similar_items(self, items: Iterable, k: int = 10) -> pd.DataFrame:
        """The K items whose vectors are nearest to an item's, by cosine.

        How popular an item is does not count (see
        :meth:`~recbole_slmrec.model.recommender.VectorRecommender.likeness`). Of SLMRec's items that
        nobody has, which are ranked by content, the nearest are those by content.

        Args:
            items: ids of items.
            k: how many others each of them gets.

        Returns:
            Columns ``item``, ``similar``, ``rank`` (from 1) and ``score``, the cosine.

        Raises:
            ValueError: for an unknown item, a ``k`` below 1, or a model without vectors.

        Example:
            >>> from recbole_slmrec.recommend import Recommender
            >>> near = Recommender.load("saved/SLMRec.pth").similar_items(["i3"], k=2)
            >>> near[["item", "rank"]].values.tolist(), bool((near["score"] <= 1).all())
            ([['i3', 1], ['i3', 2]], True)
        """
        rows = np.unique(self.items.rows(items))
        _, vectors = self.vectors()
        rankings = alike(self.model, vectors, rows, self.items.all_rows(), _checked(k))
        frames = [_frame(r, "item", self.items, "similar", self.items) for r in rankings]
        return pd.concat(frames).sort_values(
            "item", key=self.items.rows, kind="stable", ignore_index=True
        )

    def score(self, pairs: Iterable[tuple]) -> np.ndarray:
        """The score of each pair of user and item.

        Args:
            pairs: ids of a user and of an item.

        Returns:
            Shape (n,), in the order of the pairs.

        Raises:
            ValueError: for an unknown user or item.

        Example:
            >>> from recbole_slmrec.recommend import Recommender
            >>> recommender = Recommender.load("saved/SLMRec.pth")
            >>> best = recommender.recommend(["u0"], k=1)
            >>> scores = recommender.score([("u0", best["item"][0])])
            >>> scores.shape, bool(abs(scores[0] - best["score"][0]) < 1e-5)
            ((1,), True)
        """
        pairs = list(pairs)
        users = torch.from_numpy(self.users.rows(user for user, _ in pairs))
        items = torch.from_numpy(self.items.rows(item for _, item in pairs))
        with torch.inference_mode():
            return self.scores.of_pairs(users, items).cpu().numpy()

    def explain(self, recommendations: pd.DataFrame) -> pd.DataFrame:
        """Adds the share of each modality of the item in its score: they add up to it.

        Args:
            recommendations: with columns ``user`` and ``item``.

        Returns:
            The same with a column ``why_M`` for each modality M, the ID embedding among them, and
            ``why_bias``; and ``why_popularity``, ``why_linear`` and ``why_content``, where the model
            has these parts (see :class:`~recbole_slmrec.recommend.why.Shares`).

        Raises:
            ValueError: for a model whose score is not a sum over modalities.

        Example:
            >>> from recbole_slmrec.recommend import Recommender
            >>> recommender = Recommender.load("saved/SLMRec.pth")
            >>> found = recommender.explain(recommender.recommend(["u0"], k=2))
            >>> list(found.columns[4:9])
            ['why_v', 'why_a', 'why_t', 'why_id', 'why_bias']
            >>> list(found.columns[9:])
            ['why_popularity', 'why_linear', 'why_content']
            >>> bool((found.filter(like="why_").sum(axis=1) - found["score"] < 1e-4).all())
            True
        """
        users = torch.from_numpy(self.users.rows(recommendations["user"]))
        items = torch.from_numpy(self.items.rows(recommendations["item"]))
        shares = self._shares.of_items(users, items).cpu().numpy()
        names = [f"why_{name}" for name in self._shares.names]
        return recommendations.assign(**dict(zip(names, shares.T)))

    def show(self, recommendations: pd.DataFrame, fields: Sequence[str]) -> pd.DataFrame:
        """Adds fields of the recommended items as they stand in the data, as text.

        Args:
            recommendations: with a column ``item``.
            fields: names of fields of ``<name>.item``.

        Returns:
            The same with a column for each field, empty where an item has none.

        Raises:
            ValueError: for a field that the items do not have, or whose name is that of another
                column.

        Example:
            >>> from recbole_slmrec.recommend import Recommender
            >>> recommender = Recommender.load("saved/SLMRec.pth")
            >>> found = recommender.show(recommender.recommend(["u0"], k=2), ["item_id"])
            >>> bool((found["item_id"] == found["item"]).all())
            True
        """
        fields = list(dict.fromkeys(fields))
        self.item_fields.check("show", fields)
        for field in fields:
            if field in recommendations:
                raise ValueError(
                    f"the recommendations have a column [{field}] already: leave it out"
                )
        texts = self.item_fields.read(fields, recommendations["item"])
        return recommendations.assign(**texts.to_dict("list"))

    def why(self, user, item) -> pd.DataFrame:
        """The share of each pair of the user's and the item's modality in their score.

        Args:
            user: a user's id.
            item: an item's id.

        Returns:
            A row for each part of the user's vector and a column for each of the item's: the
            modalities and ``bias``. All of them add up to the score.

        Raises:
            ValueError: for an unknown user or item, or a model whose score is no such sum.

        Example:
            >>> from recbole_slmrec.recommend import Recommender
            >>> recommender = Recommender.load("saved/SLMRec.pth")
            >>> shares = recommender.why("u0", "i3")
            >>> shares.shape, list(shares.columns)
            ((8, 8), ['v', 'a', 't', 'id', 'bias', 'popularity', 'linear', 'content'])
            >>> bool(abs(shares.values.sum() - recommender.score([("u0", "i3")])[0]) < 1e-4)
            True
        """
        users = torch.from_numpy(self.users.rows([user]))
        items = torch.from_numpy(self.items.rows([item]))
        shares = self._shares.of_pairs(users, items)[0].cpu().numpy()
        return pd.DataFrame(shares, index=self._shares.names, columns=self._shares.names)

    def vectors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The vectors of users and items, whose inner products are the scores; row 0 is padding.

        Raises:
            ValueError: for a model whose scores are not inner products of vectors.
        """
        if not isinstance(self.scores, VectorScores):
            raise ValueError(
                f"{self.name} has no vectors here: {', '.join(sorted(MODELS))} have them"
            )
        return self.scores.users, self.scores.items

    @torch.inference_mode()
    def blocks(
        self, users: np.ndarray, items: np.ndarray, k: int, excluded: Pairs | None
    ) -> Iterator[pd.DataFrame]:
        """What :meth:`recommend` gives, a block of users at a time: memory is bounded.

        Args:
            users: rows of users.
            items: rows of the items to choose from, each once.
            k: how many items a user gets at most.
            excluded: pairs of rows that are left out; None for none.
        """
        rankings = rank(
            self.scores, torch.from_numpy(users), torch.from_numpy(items), _checked(k), excluded
        )
        for ranking in rankings:
            yield _frame(ranking, "user", self.users, "item", self.items)

    def excluded(self, exclude: str | Iterable[tuple]) -> Pairs | None:
        """The pairs that ``exclude`` means (see :meth:`recommend`)."""
        if isinstance(exclude, str):
            if exclude not in EXCLUSIONS:
                raise ValueError(
                    f"exclude [{exclude}] is not one of {', '.join(EXCLUSIONS)}, nor pairs"
                )
            return self.seen if exclude == "seen" else None
        pairs = list(exclude)
        users = self.users.rows(user for user, _ in pairs)
        return Pairs(users, self.items.rows(item for _, item in pairs), len(self.users) + 1)

    @cached_property
    def _shares(self) -> Shares:
        if len(self.users) >= self.model.n_users or len(self.items) >= self.model.n_items:
            raise ValueError("why: shares are of users and items that were there at training only")
        return Shares(self.model)


def _checked(k: int) -> int:
    if type(k) is not int or k < 1:
        raise ValueError(f"k [{k}] must be a whole number, 1 or more")
    return k


def _frame(ranking: Ranking, left: str, left_ids: Ids, right: str, right_ids: Ids) -> pd.DataFrame:
    lines, ranks = (ranking.scores > -torch.inf).nonzero(as_tuple=True)
    return pd.DataFrame(
        {
            left: left_ids.tokens[ranking.users[lines].numpy()],
            right: right_ids.tokens[ranking.items[lines, ranks].numpy()],
            "rank": ranks.numpy().astype(np.int32) + 1,
            "score": ranking.scores[lines, ranks].numpy(),
        }
    )
