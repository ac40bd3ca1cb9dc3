"""Several processes in one run: what they share out, and what they say to one another."""
