"""Texts to vectors: `onnx` (default, torch-free), `sentence_transformers` (any model), `none` (words only)."""
