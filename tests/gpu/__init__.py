"""What means anything on a CUDA device only; skipped where there is none."""
