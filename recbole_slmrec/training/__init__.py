"""How a model learns, and what is kept of it: steps, averages, checkpoints, refits."""
