"""How a ranking is judged: what is collected of it, its metrics, and those of cold items."""
