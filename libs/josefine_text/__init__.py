"""Text at the edge: normaliser, word error rate, captions."""
