"""Two models of the same parameters, one of the package and a straightforward one."""

from __future__ import annotations

import torch


def assert_same_step(model, plain, pairs: dict[str, tuple], batch) -> None:
    """Compares the losses of a batch, and the gradient of every parameter.

    Args:
        pairs: the parameters of both, by name.
    """
    losses = []
    for each in (model, plain):
        # Both draw what they draw in the same order.
        torch.manual_seed(3)
        loss = each.calculate_loss(batch)
        losses.append(sum(loss) if isinstance(loss, tuple) else loss)
        losses[-1].backward()
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-9, atol=0)
    assert len(pairs) == len(list(model.parameters())) == len(list(plain.parameters()))
    for name, (ours, theirs) in pairs.items():
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-8, atol=1e-11, msg=name)
