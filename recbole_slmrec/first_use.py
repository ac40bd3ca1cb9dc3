"""Lets RecBole know this package's models when it is first used, not when this package is imported.

RecBole and PyTorch take seconds to import, which a command's help need not wait for. So a finder of modules
watches what is imported of RecBole: it mends what is at fault, has the models made known before the first
``Config``, where every run begins, and lets RecBole's quick start read this package's checkpoints.
"""

from __future__ import annotations

import sys
from functools import wraps
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Callable


def install() -> None:
    """Makes the models known to RecBole; a second call changes nothing.

    Raises:
        Exception: whatever a missing or broken package raises, and for what RecBole runs wrongly with.
    """
    _mend()
    from recbole_slmrec import recbole_hook

    recbole_hook.install()


def watch() -> None:
    """From now on looks at what is imported of RecBole; what is there already is extended at once."""
    if any(isinstance(finder, _Watching) for finder in sys.meta_path):
        return
    # None stands for a module that must not be imported.
    if sys.modules.get("recbole"):
        _mend()
    for name, extend in _EXTENDED.items():
        if sys.modules.get(name):
            extend(sys.modules[name])
    sys.meta_path.insert(0, _Watching())


def _mend() -> None:
    from recbole_slmrec import compat

    compat.mend_recbole()


def _mend_search(module: ModuleType) -> None:
    from recbole_slmrec import compat

    compat.give_hyperopt_integers(module)


def _install_at_first(module: ModuleType) -> None:
    """Has the first ``Config`` that is made install the models."""
    config_class = module.Config
    original = config_class.__init__

    @wraps(original)
    def first(self, *args, **kwargs):
        install()
        config_class.__init__ = original
        original(self, *args, **kwargs)

    config_class.__init__ = first


def _extend_loading(module: ModuleType) -> None:
    """Has ``load_data_and_model`` read this package's checkpoints too."""
    original = module.load_data_and_model

    @wraps(original)
    def load_data_and_model(model_file):
        from recbole_slmrec import quick_start
        from recbole_slmrec.training.checkpoint import load_checkpoint

        try:
            load_checkpoint(model_file)
        except ValueError:
            return original(model_file)
        return quick_start.load_data_and_model(model_file)

    module.load_data_and_model = load_data_and_model
    package = sys.modules[module.__package__]
    if hasattr(package, "load_data_and_model"):
        package.load_data_and_model = load_data_and_model


_EXTENDED: dict[str, Callable[[ModuleType], None]] = {
    "recbole.config.configurator": _install_at_first,
    "recbole.quick_start.quick_start": _extend_loading,
    "recbole.trainer.hyper_tuning": _mend_search,
}


class _Watching(MetaPathFinder):
    """Finds modules as others do, and extends some once they are read."""

    def find_spec(self, name, path, target=None):
        """Of a module in ``_EXTENDED``, with a loader that extends it; None of others."""
        if name == "recbole":
            _mend()
        if name not in _EXTENDED:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (each.find_spec(name, path, target) for each in others)), None)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_extend(module):
            execute(module)
            _EXTENDED[name](module)

        spec.loader.exec_module = execute_and_extend
        return spec
