"""The linear part against EASE's closed form, written densely in float64."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.model import linear
from recbole_slmrec.model.linear import LinearPart
from tests.model.fast import batch, fast_model, float64, problem_of


def interactions(n_users: int, n_items: int, n_edges: int) -> torch.Tensor:
    """0 and 1, with an empty row and column 0 for the padding, and another empty column."""
    generator = torch.Generator().manual_seed(n_users)
    R = torch.zeros(n_users, n_items, dtype=torch.float64)
    users = torch.randint(1, n_users, (n_edges,), generator=generator)
    items = torch.randint(1, n_items - 1, (n_edges,), generator=generator)
    R[users, items] = 1
    return R


def ease_scores(R: torch.Tensor, reg: float) -> torch.Tensor:
    P = torch.linalg.inv(R.T @ R + reg * torch.eye(R.shape[1], dtype=R.dtype))
    B = -P / torch.diag(P)
    B.fill_diagonal_(0)
    return R @ B


def scores_of(R: torch.Tensor, reg: float, user_power=0.5, item_power=0.25) -> torch.Tensor:
    """The same regression of X, whose users and items are weighed, for the weighed items of a user;
    of pairs that a user has, what the inner products say of them. With a standard deviation of 1."""
    of_users, of_items = R.sum(1).clamp(min=1), R.sum(0).clamp(min=1)
    X = R / of_users[:, None] ** (user_power / 2) / of_items**item_power
    one = torch.eye(R.shape[1], dtype=R.dtype)
    P = torch.linalg.inv(X.T @ X + reg * one)
    scores = R / of_items**item_power @ (one / reg - P) / torch.diag(P)
    return scores / scores[1:, 1:].std(correction=0)


def part_of(
    R: torch.Tensor, weight=1.0, reg=3.0, rank="auto", folder=None, powers=(0.5, 0.25)
) -> LinearPart:
    graph = interaction_graph(*R.nonzero(as_tuple=True), *R.shape)
    block = InteractionBlock(graph, torch.device("cpu"))
    with float64():
        return LinearPart(block, folder, weight, reg, rank, *powers)


@pytest.mark.parametrize("shape", [(30, 12), (12, 30)])
@pytest.mark.parametrize("powers", [(0, 0), (0.5, 0.25), (1, 0), (0, 0.5)])
def test_over_all_eigenvectors_it_is_the_regression(shape, powers):
    R = interactions(*shape, 90)
    part = part_of(R, weight=2.5, reg=3.0, powers=powers)
    unseen = R == 0
    expected = 2.5 * scores_of(R, 3.0, *powers)
    if powers == (0, 0):
        by_ease = ease_scores(R, 3.0)[unseen]
        ratios = expected[unseen][by_ease != 0] / by_ease[by_ease != 0]
        torch.testing.assert_close(ratios, ratios[:1].expand_as(ratios))
    actual = part.on_users @ part.on_items.T
    torch.testing.assert_close(actual[unseen], expected[unseen], rtol=1e-9, atol=1e-11)
    assert not part.on_users[0].any() and not part.on_items[0].any()
    assert part.on_items[-1].abs().max() < 1e-12


def test_the_leading_part_of_a_large_matrix_is_that_of_a_small_one(monkeypatch):
    # Seven groups of users, of different sizes, who like the same items each: rank 7.
    groups = interactions(8, 60, 90)
    R = groups[torch.arange(90) ** 2 // 1013]
    dense = part_of(R, rank=7)
    monkeypatch.setattr(linear, "_DENSE_SIZE", 0)
    before = torch.random.get_rng_state()
    drawn = part_of(R, rank=7)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert dense.chosen.rank == drawn.chosen.rank == 7
    torch.testing.assert_close(
        drawn.on_users @ drawn.on_items.T, dense.on_users @ dense.on_items.T, rtol=1e-7, atol=1e-9
    )


def test_a_new_user_with_the_items_of_another_has_the_same_vector():
    R = interactions(30, 12, 90)
    part = part_of(R)
    own = R[4].nonzero().squeeze(1)
    torch.testing.assert_close(part.chosen.of_items(own), part.on_users[4], rtol=1e-12, atol=1e-12)


def test_auto_is_eight_times_a_mean_items_sum_of_squares_and_four_times_for_ease():
    R = interactions(30, 12, 90)
    n_items = int((R.sum(0) > 0).sum())
    plain = part_of(R, reg="auto", powers=(0, 0)).chosen
    assert plain.reg == pytest.approx(4 * R.sum().item() / n_items)
    squares = R / R.sum(1, keepdim=True).clamp(min=1) ** 0.5 / R.sum(0).clamp(min=1) ** 0.5
    assert part_of(R, reg="auto").chosen.reg == pytest.approx(8 * squares.sum().item() / n_items)


def test_validation_tries_the_other_form_until_that_is_not_better():
    R = interactions(30, 12, 90)
    part = part_of(R, weight=2.0, powers=("auto", "auto"))
    assert [str(form) for form in part.forms] == ["users by n^-0.5 and items by n^-0.25", "EASE"]
    unseen = R == 0

    def check(*powers):
        scores = part.on_users @ part.on_items.T
        torch.testing.assert_close(scores[unseen], 2 * scores_of(R, 3.0, *powers)[unseen])
        own = part.chosen.of_items(R[4].nonzero().squeeze(1))
        torch.testing.assert_close(own, part.on_users[4], rtol=1e-12, atol=1e-12)

    check(0.5, 0.25)
    assert part.form.free and part.form.neighbour() == 1
    part.form.weight.fill_(1)
    check(0, 0)
    assert part.form.neighbour() == 0 and str(part.form) == "EASE"
    part.form.turn()
    assert part.form.neighbour() is None


def test_a_power_that_is_given_leaves_what_there_is_to_choose():
    R = interactions(30, 12, 90)
    assert [str(form) for form in part_of(R, powers=("auto", 0)).forms] == [
        "users by n^-0.5 and items by n^-0",
        "EASE",
    ]
    assert not part_of(R, powers=(0.5, 0.25)).form.free


def test_eigenvectors_are_kept_and_those_of_other_interactions_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(linear, "_WORTH_A_FILE", 0)
    R, other = interactions(30, 12, 90), interactions(31, 12, 90)
    first = part_of(R, rank=6, folder=tmp_path)
    (file,) = tmp_path.iterdir()
    with monkeypatch.context() as patch:
        patch.delattr(linear, "_leading")
        again = part_of(R, rank=6, reg=3.0, folder=tmp_path)
    for side in ("on_users", "on_items", "of_each"):
        assert torch.equal(getattr(again.chosen, side), getattr(first.chosen, side))
    torch.testing.assert_close(
        part_of(other, rank=6, folder=tmp_path).on_items, part_of(other, rank=6).on_items
    )
    assert not file.exists() and len(list(tmp_path.iterdir())) == 1


def test_vectors_fill_no_more_than_they_may(monkeypatch):
    monkeypatch.setattr(linear, "_NUMBERS", 42 * 5)
    assert part_of(interactions(30, 12, 90)).chosen.rank == 5


@pytest.mark.parametrize("negatives", ["in_batch", "all"])
def test_a_score_is_that_of_the_vectors_and_the_linear_part(negatives):
    problem = problem_of(2)
    settings = {"ssl_task": "none", "negatives": negatives}
    without = fast_model(problem, **settings).eval()
    model = fast_model(problem, linear_weight=0.7, linear_reg=2.0, **settings).eval()
    R = torch.zeros(problem.n_users, problem.n_items, dtype=torch.float64)
    R[problem.edges] = 1
    everyone = batch(torch.arange(problem.n_users), torch.arange(problem.n_users))
    scores, others = (
        each.full_sort_predict(everyone).view(problem.n_users, -1) for each in (model, without)
    )
    # In deviations of the vectors' own scores, those of the padding aside.
    spread = others[1:, 1:].std(correction=0)
    expected = others + 0.7 * spread * scores_of(R, 2.0)
    unseen = R == 0
    torch.testing.assert_close(scores[unseen], expected[unseen], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("most_kept", [0, 2**20])
def test_what_is_kept_of_a_validation_changes_no_later_one(monkeypatch, most_kept):
    monkeypatch.setattr(linear, "_MOST_KEPT", most_kept)
    problem, everywhere = problem_of(2), {"score": "cosine", "popularity_weight": 0.5}
    model = fast_model(problem, linear_weight="auto", cold_share=0.3, **everywhere).eval()
    assert model.cold.n_cold
    users = torch.tensor([3, 1, 2])

    def check():
        expected = model.full_sort_predict(batch(users, users)).view(len(users), -1)
        torch.testing.assert_close(model.item_scores(users).T, expected, rtol=1e-12, atol=1e-12)

    check()
    assert bool(model.linear.chosen._kept) == bool(most_kept)
    model.linear.weight.mul_(3)
    with torch.no_grad():
        model.encoder.item_embedding.weight.mul_(
            torch.rand(model.encoder.item_embedding.weight.shape)
        )
    model.eval()
    check()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"linear_weight": -1}, r"linear_weight \[-1\] must be auto or a number, 0 or more"),
        ({"linear_weight": "x"}, r"linear_weight \[x\] must be auto or a number, 0 or more"),
        (
            {"linear_weight": 1, "linear_reg": 0},
            r"linear_reg \[0\] must be a number above 0, or au",
        ),
        ({"linear_weight": 1, "linear_rank": 0}, r"linear_rank \[0\] must be a whole number, 1 or"),
        (
            {"linear_weight": 1, "linear_user_power": -1},
            r"linear_user_power \[-1\] must be auto or a number, 0",
        ),
        (
            {"linear_weight": 1, "linear_item_power": "x"},
            r"linear_item_power \[x\] must be auto or a number",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        fast_model(problem_of(1), **settings)


def test_the_neighbour_of_its_weight_is_half_as_much_again_or_two_thirds():
    part = part_of(interactions(30, 12, 90), weight="auto")
    assert part.free and part.weight == 1 and part.neighbour() == pytest.approx(1.5)
    part.turn()
    assert part.neighbour() == pytest.approx(1 / 1.5)


def test_checkpoints_carry_the_weight_where_validation_chose_it():
    R = interactions(30, 12, 90)
    assert set(part_of(R, weight="auto").state_dict()) == {"weight", "step"}
    assert not part_of(R, weight=3.0).state_dict()
