"""The bipartite interaction graph and what is propagated over it, as functions on tensors."""
