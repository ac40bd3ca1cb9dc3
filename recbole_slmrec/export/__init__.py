"""What another program needs to serve a model: vectors, ids and an index of the items."""
