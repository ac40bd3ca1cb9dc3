"""The models: who scores."""
