"""The self-supervised tasks, by the name that the setting ``ssl_task`` gives them.

Each is a module ``Task(encoder, config)`` whose ``forward(encoding, fusion)`` gives
the task's loss on a batch. A new one is a file of its own and a line here; or, from outside of the
package, a dotted name or an entry point ``recbole_slmrec.ssl_tasks``.
"""

from __future__ import annotations

from torch import nn

from recbole_slmrec import plugins
from recbole_slmrec.model.ssl.ed import EdgeDropout
from recbole_slmrec.model.ssl.fac import FineAndCoarse
from recbole_slmrec.model.ssl.fd import FeatureDropout
from recbole_slmrec.model.ssl.fm import FeatureMasking
from recbole_slmrec.model.ssl.fm_fd import MaskingAndDropout
from recbole_slmrec.model.ssl.nd import NodeDropout
from recbole_slmrec.model.ssl.rw import RandomWalk

NO_TASK = "none"

SSL_TASKS: dict[str, type[nn.Module]] = {
    "FAC": FineAndCoarse,
    "FD": FeatureDropout,
    "FM": FeatureMasking,
    "FM+FD": MaskingAndDropout,
    "ED": EdgeDropout,
    "ND": NodeDropout,
    "RW": RandomWalk,
}


def get_task(name: str) -> type[nn.Module] | None:
    """The class of a task; None for ``none``.

    Raises:
        ValueError: if there is no task of this name.
    """
    if name == NO_TASK:
        return None
    if name in SSL_TASKS:
        return SSL_TASKS[name]
    task = plugins.find(str(name), plugins.SSL_TASKS, nn.Module)
    if task is None:
        names = (*SSL_TASKS, *plugins.entry_point_names(plugins.SSL_TASKS), NO_TASK)
        raise ValueError(f"ssl_task [{name}] is not one of {', '.join(names)}")
    return task
