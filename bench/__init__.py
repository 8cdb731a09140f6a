"""Measurements: one module a question. Run them as python -m bench.NAME."""
