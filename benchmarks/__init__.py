"""Figures, never assertions: each benchmark measures a ratio within one run and writes benchmarks/RESULTS.md."""
