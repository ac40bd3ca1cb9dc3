"""A page to look at what a checkpoint recommends: users, items, and why."""
