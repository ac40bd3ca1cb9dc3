"""Models as their equations read, with none of this package's algebra: what they would cost."""
