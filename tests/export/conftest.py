"""The trained checkpoints."""

from tests.trained import at_home, home  # noqa: F401
