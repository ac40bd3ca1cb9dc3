"""Classes from outside of the package: by a dotted name, or by an entry point that a package declares."""

from __future__ import annotations

import importlib
import os
import sys
from importlib.metadata import entry_points
from typing import Any

MODELS = "recbole_slmrec.models"
SSL_TASKS = "recbole_slmrec.ssl_tasks"

_imported: dict[str, type] = {}


def entry_point_names(group: str) -> list[str]:
    """What installed packages declare in a group, without importing any of it."""
    return sorted({point.name for point in entry_points(group=group)})


def find(name: str, group: str, base: type) -> type | None:
    """The class that a dotted name, or an entry point of ``group``, stands for.

    A dotted name is one of Python's: a module, on its path or in the current folder, and a class in it.
    To import a module runs it, so a name counts only if a user has typed it (see :func:`check_typed`).

    Args:
        name: ``my_package.MyModel``, or an entry point's name.
        group: of entry points.
        base: what the class must be made from.

    Returns:
        The class; None for a name without a dot that no package declares.

    Raises:
        ValueError: if there is no such module or class, or it is not made from ``base``.
    """
    if name in _imported:
        found = _imported[name]
    elif "." in name:
        found = _by_path(name)
    else:
        points = [point for point in entry_points(group=group) if point.name == name]
        if not points:
            return None
        found = points[0].load()
    if not isinstance(found, type) or not issubclass(found, base):
        raise ValueError(f"[{name}] is no class that is made from {base.__name__}")
    _imported[name] = found
    return found


def remember(name: str, found: type) -> None:
    """Lets ``name`` stand for a class that is there already."""
    _imported[name] = found


def known(name: str) -> type | None:
    """The class from outside that ``name`` has been found, or remembered, to stand for."""
    return _imported.get(name)


def check_typed(setting: str, name: Any, settings: dict[str, Any], source: str) -> None:
    """Raises ValueError if ``name``, read from a file, would have code imported that nobody asked for.

    Args:
        setting: ``model`` or ``ssl_task``.
        name: what a file says that it is.
        settings: what a user says, beside the command line.
        source: what was read, for the message.
    """
    if not isinstance(name, str) or "." not in name or name in _imported:
        return
    if settings.get(setting) != name and f"--{setting}={name}" not in sys.argv:
        raise ValueError(
            f"{source} has the {setting} [{name}], which is no part of this package: to import it runs its "
            f"code; if it is yours, say so with --{setting}={name}"
        )


def _by_path(name: str) -> Any:
    if not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(f"[{name}] is no dotted name of a class, such as my_package.MyModel")
    module_name, _, attribute = name.rpartition(".")
    # As with `python -m`, of which not every way to start a command is.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise ValueError(
            f"there is no module [{error.name}] to import [{name}] from: start in the folder that holds "
            "it, or install its package"
        ) from None
    if not hasattr(module, attribute):
        raise ValueError(
            f"the module [{module_name}], {module.__file__}, has no class [{attribute}]"
        )
    return getattr(module, attribute)
