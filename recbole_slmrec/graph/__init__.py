"""The bipartite interaction graph, graphs among items, and what is propagated over them."""
