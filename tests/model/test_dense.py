"""The dense oracle against values worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, sqrt

import pytest
import torch
from torch.testing import assert_close

from tests.model.dense import (
    DenseSLMRec,
    adjacency,
    bpr_loss,
    content,
    cosine,
    edges_between,
    edges_kept,
    encode,
    encode_layer_dropout,
    encode_walk,
    fac_loss,
    fuse,
    fuse_mean,
    in_batch_loss,
    info_nce,
    random_problem,
    sampled_loss,
    word_mean,
)


def tensor(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def softplus(x: float) -> float:
    """-log of a softmax share between two candidates, the positive being behind by x."""
    return log(1 + exp(x))


def assert_value(loss: torch.Tensor, expected: float) -> None:
    assert_close(loss, tensor(expected), rtol=1e-12, atol=1e-12)


# User 1 has items 1 and 2, user 2 has items 1, 2 and 3; (1, 1) is there twice. Degrees: users
# 0, 2, 3, items 0, 2, 2, 1. Each entry: R, the users' rows and items' columns; Q, the items' rows
# and users' columns; the diagonal of the connected nodes and of the isolated ones.
USERS = torch.tensor([1, 1, 1, 2, 2, 2])
ITEMS = torch.tensor([1, 2, 1, 1, 2, 3])
PRE = [[1 / 2, 1 / 2, 0], [1 / sqrt(6), 1 / sqrt(6), 1 / sqrt(3)]]
HATS = {
    "pre": (PRE, [list(column) for column in zip(*PRE)], [0] * 5, 0),
    "norm": (
        [[1 / 3, 1 / 3, 0], [1 / 4, 1 / 4, 1 / 4]],
        [[1 / 3, 1 / 3], [1 / 3, 1 / 3], [0, 1 / 2]],
        [1 / 3, 1 / 4, 1 / 3, 1 / 3, 1 / 2],
        1,
    ),
    "gcmc": (
        [[1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]],
        [[1 / 2, 1 / 2], [1 / 2, 1 / 2], [0, 1]],
        [0] * 5,
        0,
    ),
    "mean": (
        [[1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]],
        [[1 / 2, 1 / 2], [1 / 2, 1 / 2], [0, 1]],
        [1] * 5,
        1,
    ),
    "plain": ([[1, 1, 0], [1, 1, 1]], [[1, 1], [1, 1], [0, 1]], [0] * 5, 0),
}


@pytest.mark.parametrize("kind", HATS)
def test_adjacency(kind):
    R, Q, connected, isolated = HATS[kind]
    expected = torch.zeros(7, 7, dtype=torch.float64)
    expected[1:3, 4:] = tensor(R)
    expected[4:, 1:3] = tensor(Q)
    expected += torch.diag(tensor([isolated, *connected[:2], isolated, *connected[2:]]))
    assert_close(adjacency(USERS, ITEMS, 3, 4, kind), expected, rtol=1e-14, atol=1e-15)


# User 1 has all of items 1 to 4: every weight of `pre` is 1/2, and A^2 is 1 on the user.
STAR = adjacency(torch.tensor([1, 1, 1, 1]), torch.tensor([1, 2, 3, 4]), 2, 5, "pre")
STAR_USER, STAR_ITEM = tensor([[7], [3]]), tensor([[9], [1], [2], [3], [4]])


@pytest.mark.parametrize(
    "n_layers, user, items",
    [
        (0, [7, 3], [9, 1, 2, 3, 4]),
        (1, [7 / 2, (3 + 5) / 2], [9 / 2, 2.5 / 2, 3.5 / 2, 4.5 / 2, 5.5 / 2]),
        (2, [7 / 3, (3 + 5 + 3) / 3], [9 / 3, 5 / 3, 6 / 3, 7 / 3, 8 / 3]),
        (3, [7 / 4, (3 + 5 + 3 + 5) / 4], [9 / 4, 6.5 / 4, 7.5 / 4, 8.5 / 4, 9.5 / 4]),
    ],
)
def test_encode(n_layers, user, items):
    Z_user, Z_item = encode(STAR, STAR_USER, STAR_ITEM, n_layers)
    assert_close(Z_user.flatten(), tensor(user))
    assert_close(Z_item.flatten(), tensor(items))


def test_encode_layer_dropout():
    first = tensor([[2], [2], [2], [0], [2], [0], [2]])
    second = tensor([[2], [2], [2], [2], [0], [2], [2]])
    # z_1: user 2 * 5, items 0, 2 * 1.5, 0, 2 * 1.5; z_2: user 2 * 3, items 10, 0, 10, 10.
    Z_user, Z_item = encode_layer_dropout(STAR, STAR_USER, STAR_ITEM, 2, [first, second])
    assert_close(Z_user.flatten(), tensor([7 / 3, (3 + 10 + 6) / 3]))
    assert_close(Z_item.flatten(), tensor([3, 11 / 3, (2 + 3) / 3, 13 / 3, (4 + 3 + 10) / 3]))


@pytest.mark.parametrize("n_layers", [0, 3])
def test_layer_dropout_with_masks_of_ones_is_encode(n_layers):
    ones = [torch.ones(7, 1, dtype=torch.float64)] * n_layers
    dropped = encode_layer_dropout(STAR, STAR_USER, STAR_ITEM, n_layers, ones)
    assert_close(dropped, encode(STAR, STAR_USER, STAR_ITEM, n_layers))


# User 1 has item 1 alone: both weights are 1.
PAIR = adjacency(torch.tensor([1]), torch.tensor([1]), 2, 5, "pre")


@pytest.mark.parametrize(
    "graphs, user, items",
    [
        ([], [7, 3], [9, 1, 2, 3, 4]),
        ([PAIR], [7 / 2, (3 + 1) / 2], [9 / 2, (1 + 3) / 2, 2 / 2, 3 / 2, 4 / 2]),
        # z_1: user 5, items 1.5 each; z_2: user 1.5, item 1 has 5.
        ([STAR, PAIR], [7 / 3, 9.5 / 3], [9 / 3, 7.5 / 3, 3.5 / 3, 4.5 / 3, 5.5 / 3]),
        # z_1: user 1, item 1 has 3; z_2: user 1.5, items .5 each.
        ([PAIR, STAR], [7 / 3, 5.5 / 3], [9 / 3, 4.5 / 3, 2.5 / 3, 3.5 / 3, 4.5 / 3]),
    ],
)
def test_encode_walk(graphs, user, items):
    Z_user, Z_item = encode_walk(graphs, STAR_USER, STAR_ITEM)
    assert_close(Z_user.flatten(), tensor(user))
    assert_close(Z_item.flatten(), tensor(items))


def test_edges_kept_and_edges_between():
    # The distinct ones: (1, 1), (1, 2), (2, 1), (2, 2), (2, 3).
    users, items = edges_kept((USERS, ITEMS), torch.tensor([True, False, False, True, True]))
    assert list(zip(users.tolist(), items.tolist())) == [(1, 1), (2, 2), (2, 3)]
    keep_users, keep_items = torch.tensor([True] * 3), torch.tensor([True, False, True, True])
    users, items = edges_between((USERS, ITEMS), keep_users, keep_items)
    assert list(zip(users.tolist(), items.tolist())) == [(1, 2), (2, 2), (2, 3)]
    users, _ = edges_between((USERS, ITEMS), torch.tensor([True, False, True]), keep_items)
    assert users.tolist() == [2, 2]


def test_content_gives_the_bias_to_a_zero_row():
    E = content(tensor([[1, 2, 3], [0, 0, 0]]), tensor([[1, 0], [0, 1], [1, -1]]), tensor([5, 7]))
    assert_close(E, tensor([[9, 6], [5, 7]]))


def test_word_mean_counts_a_repeated_pair_twice():
    items, words = torch.tensor([1, 3, 1, 1]), torch.tensor([0, 2, 0, 1])
    means = word_mean(items, words, tensor([[3, 0], [6, 9], [1, 2]]), 4)
    assert_close(means, tensor([[0, 0], [4, 3], [0, 0], [1, 2]]))


def test_fuse_keeps_the_order_of_the_parts():
    parts = [tensor([[1, 2]]), tensor([[3, 4]])]
    W = tensor([[1, 10, 100, 1000], [0, 0, 0, 1]])
    assert_close(fuse(parts, W, tensor([0.5, 0])), tensor([[4321.5, 4]]))
    assert_close(fuse_mean(parts, tensor([[1, 10], [0, 1]]), tensor([0.5, 0])), tensor([[32.5, 3]]))


def test_cosine_is_scale_free_and_zero_for_a_zero_vector():
    assert_value(cosine(tensor([3, 4]), tensor([8, 6])), 0.96)
    assert_value(cosine(tensor([0, 0]), tensor([8, 6])), 0.0)


def test_info_nce_over_an_asymmetric_pair():
    anchors, positives = tensor([[1, 0], [0, 1]]), tensor([[5, 0], [3, 4]])
    # Cosines: row 0 has 1 (its own) and .6, row 1 has 0 and .8 (its own).
    expected = (softplus((0.6 - 1) / 0.5) + softplus((0 - 0.8) / 0.5)) / 2
    assert_value(info_nce(anchors, positives, 0.5), expected)
    # Inner products: 5 and 3; 0 and 4.
    assert_value(
        info_nce(anchors, positives, 0.5, "dot"), (softplus(-2 / 0.5) + softplus(-4 / 0.5)) / 2
    )


def test_info_nce_does_not_overflow():
    # Logits: row 0 has 1e3 (its own) and 1e5, row 1 has 10 and 1e3 (its own).
    assert_value(info_nce(tensor([[100], [1]]), tensor([[1], [100]]), 0.1, "dot"), 99e3 / 2)


def test_in_batch_loss_counts_a_repeated_item_twice():
    z = tensor([[1, 0], [1, 0], [0, 1]])
    expected = (2 * log(2 + exp(-5)) + log(1 + 2 * exp(-5))) / 3
    assert_value(in_batch_loss(z, 3 * z, 0.2), expected)


def test_sampled_loss_sees_only_the_rows_own_negatives():
    zu, zi_pos = tensor([[1, 0], [0, 3]]), tensor([[2, 0], [1, 0]])
    zi_neg = tensor([[[0, 1], [3, 4]], [[-1, 0], [4, 3]]])
    # Cosines, positive first: row 0 has 1, 0, -1; row 1 has 0, .8, .6.
    expected = (log(1 + exp(-2) + exp(-4)) + log(1 + exp(1.6) + exp(1.2))) / 2
    assert_value(sampled_loss(zu, zi_pos, zi_neg, 0.5), expected)


def test_bpr_loss_compares_inner_products():
    zu, zi_pos = tensor([[1, 0], [0, 2]]), tensor([[3, 0], [1, 1]])
    zi_neg = tensor([[[1, 9], [0, 0]], [[4, 0], [9, 2]]])
    # Positive minus negative: 3 - 1, 2 - 0 for the first draw, 3 - 4, 2 - 4 for the second.
    expected = (2 * softplus(-2) + softplus(1) + softplus(2)) / 4
    assert_value(bpr_loss(zu, zi_pos, zi_neg), expected)


def test_fac_loss_chains_the_spaces_on_the_id_side():
    z_id, z_content = tensor([[1], [2]]), [tensor([[0], [1]]), tensor([[1], [3]])]
    g_id = (tensor([[2]]), tensor([1]))
    g = [(tensor([[1]]), tensor([-1])), (tensor([[1]]), tensor([0]))]
    h = [(tensor([[-1]]), tensor([4]))]
    # Space 1: x = 3, 5 against -1, 0. Space 2: x = 4 - 3, 4 - 5 against 1, 3.
    first = (softplus((0 - -3) / 2) + softplus((-5 - 0) / 2)) / 2
    second = (softplus((3 - 1) / 2) + softplus((-1 - -3) / 2)) / 2
    assert_value(fac_loss(z_id, z_content, g_id, g, h, 2.0, "dot"), first + second)
    assert_value(fac_loss(z_id, z_content[:1], g_id, g[:1], [], 2.0, "dot"), first)
    # A cosine of numbers is a sign: -1, 0 for both rows of space 1; 1, 1 and -1, -1 in space 2.
    first = (softplus(1 / 2) + softplus(-1 / 2)) / 2
    assert_value(fac_loss(z_id, z_content, g_id, g, h, 2.0, "cosine"), first + log(2))


@pytest.fixture
def tiny() -> DenseSLMRec:
    """User 1 has item 1, user 2 has item 2, so `pre` weighs both edges 1; one layer.

    Z_m is (E_u + E_m) / 2 on both ends of an edge and half its own row on node 0, so
    E_v = (1, 0), (1, 2), (-1, 0) gives users Z_v = (3, 1), (1.5, 1), (-.5, 1), and
    E_id = (0, 8), (4, 0), (0, 6) gives users Z_id = (3, 1), (3, 0), (0, 4).
    """
    params = {
        "user": [[6, 2], [2, 0], [0, 2]],
        "id": [[0, 8], [4, 0], [0, 6]],
        "W:v": [[0, -2], [2, 0]],
        "b:v": [1, 0],
        "W:F_u": [[1, 0], [0, 1]],
        "b:F_u": [0, 0],
        "W:F_i": [[1, 0], [0, 2]],
        "b:F_i": [0, -1],
        "W:g_id": [[1, 0], [0, 1]],
        "b:g_id": [0, 1],
        "W:g:v": [[2, 0], [0, 1]],
        "b:g:v": [0, 0],
    }
    return DenseSLMRec(
        params={name: tensor(value).requires_grad_() for name, value in params.items()},
        features={"v": tensor([[0, 0], [1, 0], [0, 1]])},
        words={},
        edges=(torch.tensor([1, 2]), torch.tensor([1, 2])),
        n_users=3,
        n_items=3,
        modalities=["v"],
        n_layers=1,
        fusion="mean",
    )


BATCH = torch.tensor([1, 2])
Z_USER = tensor([[3, 1], [2.25, 0.5], [-0.25, 2.5]])
Z_ITEM = tensor([[0.25, 3], [2.25, 0], [-0.25, 4]])


def test_item_features(tiny):
    assert_close(tiny.item_features("v"), tensor([[1, 0], [1, 2], [-1, 0]]))
    assert_close(tiny.item_features("id"), tensor([[0, 8], [4, 0], [0, 6]]))


def test_item_features_of_a_word_list(tiny):
    params = {**tiny.params, "table:v": tensor([[2, 0], [0, 4]])}
    words = {"v": (torch.tensor([1, 1, 2]), torch.tensor([0, 1, 1]))}
    model = replace(tiny, params=params, features={}, words=words)
    # Means (0, 0), (1, 2), (0, 4), turned by W and moved by b.
    assert_close(model.item_features("v"), tensor([[1, 0], [-3, 2], [-7, 0]]))


def test_encoded(tiny):
    encoded = tiny.encoded()
    assert list(encoded) == ["v", "id"]
    assert_close(encoded["v"][0], tensor([[3, 1], [1.5, 1], [-0.5, 1]]))
    assert_close(encoded["v"][1], tensor([[0.5, 0], [1.5, 1], [-0.5, 1]]))
    assert_close(encoded["id"][0], tensor([[3, 1], [3, 0], [0, 4]]))
    assert_close(encoded["id"][1], tensor([[0, 4], [3, 0], [0, 4]]))


def test_fused_and_scores(tiny):
    assert_close(tiny.fused(), (Z_USER, Z_ITEM))
    assert_close(
        tiny.scores(),
        tensor([[3.75, 6.75, 3.25], [2.0625, 5.0625, 1.4375], [7.4375, -0.5625, 10.0625]]),
    )


def test_concatenation_puts_the_id_last(tiny):
    only_id, only_v = tensor([[0, 0, 1, 0], [0, 0, 0, 1]]), tensor([[1, 0, 0, 0], [0, 1, 0, 0]])
    params = {**tiny.params, "W:F_u": only_id, "W:F_i": only_v, "b:F_i": tensor([0, 0])}
    z_user, z_item = replace(tiny, params=params, fusion="concat").fused()
    assert_close(z_user, tensor([[3, 1], [3, 0], [0, 4]]))
    assert_close(z_item, tensor([[0.5, 0], [1.5, 1], [-0.5, 1]]))


def test_main_losses(tiny):
    negatives = torch.tensor([[2, 0], [0, 1], [0, 0]])
    zu, zi, zj = Z_USER[1:], Z_ITEM[1:], Z_ITEM[negatives]
    in_batch = tiny.main_loss("in_batch", BATCH, BATCH, None, 0.2)
    assert_close(in_batch, in_batch_loss(zu, zi, 0.2))
    sampled = tiny.main_loss("sampled", BATCH, BATCH, negatives, 0.2)
    assert_close(sampled, sampled_loss(zu, zi, zj, 0.2))
    assert_close(tiny.main_loss("bpr", BATCH, BATCH, negatives, 0.2), bpr_loss(zu, zi, zj))
    assert_value(tiny.main_loss("none", BATCH, BATCH, None, 0.2), 0.0)
    with pytest.raises(ValueError, match="unknown kind 'mse'"):
        tiny.main_loss("mse", BATCH, BATCH, None, 0.2)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_fac(tiny, similarity):
    # Items' Z_id = (0, 4), (3, 0), (0, 4) and Z_v = (.5, 0), (1.5, 1), (-.5, 1), each projected.
    x, y = tensor([[0, 5], [3, 1], [0, 5]]), tensor([[1, 0], [3, 1], [-1, 1]])
    users, items = torch.tensor([1, 1, 1]), torch.tensor([0, 1, 2])
    loss = tiny.ssl_loss("FAC", users, items, 0.5, similarity=similarity)
    assert_close(loss, info_nce(x, y, 0.5, similarity))


FEATURE_MASKS = (
    {"v": tensor([[1, 1], [0, 1], [1, 0]]), "id": tensor([[1, 1], [0, 1], [1, 0]])},
    {"v": tensor([[1, 1], [1, 1], [1, 1]]), "id": tensor([[1, 1], [0, 0], [1, 1]])},
)
ONES, TWOS = torch.ones(6, 2, dtype=torch.float64), torch.full((6, 2), 2.0, dtype=torch.float64)
LAYER_MASKS = (
    {"v": [tensor([[2, 2], [2, 0], [2, 2], [2, 2], [0, 2], [2, 2]])], "id": [TWOS]},
    {"v": [ONES], "id": [ONES]},
)
# (users, items before F_i) of the batch in view 1 and in view 2; `masked` is (v, id).
VIEWS = {
    ("FM", "feature"): (
        ([[2, 0], [0, 2.5]], [[2, 0], [0, 2.5]]),
        ([[1.25, 0.5], [-0.25, 1]], [[1.25, 0.5], [-0.25, 1]]),
    ),
    ("FD", "feature"): (
        ([[1, 0.5], [-0.25, 1]], [[1, 0.5], [-0.25, 1]]),
        ([[1.25, 0.5], [-0.25, 2.5]], [[1.25, 0.5], [-0.25, 2.5]]),
    ),
    ("FM+FD", "feature"): (
        ([[1, 0], [0, 1]], [[1, 0], [0, 1]]),
        ([[1.25, 0.5], [-0.25, 1]], [[1.25, 0.5], [-0.25, 1]]),
    ),
    ("FD", "layer"): (
        ([[3.5, 0], [-0.5, 4]], [[2.25, 0.5], [-0.25, 3.5]]),
        ([[2.25, 0.5], [-0.25, 2.5]], [[2.25, 0.5], [-0.25, 2.5]]),
    ),
    ("FM+FD", "layer"): (
        ([[3, 0], [0, 4]], [[2, 0], [0, 3.5]]),
        ([[1.25, 0.5], [-0.25, 1]], [[1.25, 0.5], [-0.25, 1]]),
    ),
}


@pytest.mark.parametrize("task, fd_level", VIEWS)
def test_views(tiny, task, fd_level):
    masks = FEATURE_MASKS if fd_level == "feature" else LAYER_MASKS
    (user_1, item_1), (user_2, item_2) = VIEWS[task, fd_level]
    item_1, item_2 = (tensor(z) * tensor([1, 2]) - tensor([0, 1]) for z in (item_1, item_2))
    user_1, user_2 = tensor(user_1), tensor(user_2)
    masked = (None, None) if task == "FD" else ("v", "id")
    level = None if task == "FM" else fd_level
    for k, expected in enumerate([(user_1, item_1), (user_2, item_2)]):
        z_user, z_item = tiny.view(masked[k], level, masks[k])
        assert_close((z_user[BATCH], z_item[BATCH]), expected)
    expected = info_nce(user_1, user_2, 0.5) + info_nce(item_1, item_2, 0.5)
    loss = tiny.ssl_loss(
        task, BATCH, BATCH, 0.5, masked=("v", "id"), fd_level=fd_level, masks=masks
    )
    assert_close(loss, expected)


@pytest.mark.parametrize("task", ["ED", "ND", "RW"])
def test_sub_graph_views(tiny, task):
    one = torch.tensor([1])
    graphs = [(BATCH, BATCH)], [(one, one)]
    # Without their edge, user 2 has Z_v = Z_id = (0, 1) and item 2 Z_v = (-.5, 0), Z_id = (0, 3).
    user_2 = tensor([[2.25, 0.5], [0, 1]])
    item_2 = tensor([[2.25, 0], [-0.25, 2]])
    assert_close([z[BATCH] for z in tiny.sub_graph_view(graphs[0])], [Z_USER[BATCH], Z_ITEM[BATCH]])
    assert_close([z[BATCH] for z in tiny.sub_graph_view(graphs[1])], [user_2, item_2])
    expected = info_nce(Z_USER[BATCH], user_2, 0.5) + info_nce(Z_ITEM[BATCH], item_2, 0.5)
    assert_close(tiny.ssl_loss(task, BATCH, BATCH, 0.5, graphs=graphs), expected)


def test_ssl_none_and_unknown(tiny):
    assert_value(tiny.ssl_loss("none", BATCH, BATCH, 0.5), 0.0)
    with pytest.raises(ValueError, match="unknown task 'FX'"):
        tiny.ssl_loss("FX", BATCH, BATCH, 0.5)


WIDTHS, VOCABULARY = {"v": 6, "a": 5, "t": 3}, {"t": 7}


def test_random_problem():
    problem = random_problem(3, 6, 8, 20, WIDTHS, VOCABULARY, n_layers=2)
    users, items = problem.edges
    pairs = set(zip(users.tolist(), items.tolist()))
    assert len(users) == 20 > len(pairs)
    assert {0, 5}.isdisjoint(users.tolist()) and {0, 7}.isdisjoint(items.tolist())
    assert {0, 7}.isdisjoint(problem.words["t"][0].tolist())
    assert list(problem.features) == ["v", "a"] and problem.modalities == ["v", "a", "t"]
    for X in problem.features.values():
        lengths = X.norm(dim=1)
        assert lengths[0] == 0 and 2 <= (lengths == 0).sum() <= 3
        assert_close(lengths[lengths > 0], torch.ones_like(lengths[lengths > 0]))
    assert all(p.dtype == torch.float64 and p.is_leaf for p in problem.params.values())
    shapes = {name: tuple(p.shape) for name, p in problem.params.items()}
    assert shapes["W:F_u"] == shapes["W:F_i"] == (4, 16)
    assert shapes["W:h:a"] == shapes["W:g:a"] == (4, 4)
    assert shapes["W:h:t"] == shapes["W:g:t"] == (2, 4) and "W:h:v" not in shapes
    assert shapes["table:t"] == (7, 3) and shapes["W:t"] == (4, 3)


def test_random_problem_is_a_function_of_the_seed():
    first, again, other = (random_problem(s, 6, 8, 20, WIDTHS, VOCABULARY) for s in (3, 3, 4))
    assert_close(first.params, again.params, rtol=0, atol=0)
    assert torch.equal(first.scores(), again.scores())
    assert not torch.equal(first.params["user"], other.params["user"])


@pytest.mark.parametrize("fusion", ["concat", "mean"])
def test_every_parameter_is_reached_by_a_gradient(fusion):
    problem = random_problem(1, 6, 8, 20, WIDTHS, VOCABULARY, fusion=fusion)
    users, items = (column[:5] for column in problem.edges)
    loss = problem.main_loss("in_batch", users, items, None, 0.2)
    loss = loss + problem.ssl_loss("FAC", users, items, 0.5)
    gradients = torch.autograd.grad(loss, list(problem.params.values()))
    assert all(gradient.abs().sum() > 1e-6 for gradient in gradients)
