"""The outcome of one check, and how a check that cannot be made becomes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
        ok: whether all is well.
        text: what was found; of a problem, what is wrong and what to do about it.
    """

    ok: bool
    text: str


Findings = Iterator[Finding]


def guarded(subject: str, check: Callable[..., Findings], *arguments) -> Findings:
    """The findings of ``check(*arguments)``, and one more if it fails.

    Args:
        subject: what is checked, for that finding.
        check: gives findings.
        arguments: its arguments.
    """
    try:
        yield from check(*arguments)
    except Exception as error:  # what a broken package raises is not known
        yield Finding(
            False,
            f"{subject}: not checked, for it fails with {said(error)}; mend the packages named "
            "above, or make a new environment",
        )


def said(error: Exception) -> str:
    """An error with its type, without which a KeyError says nothing."""
    return f"{type(error).__name__}: {error}"
