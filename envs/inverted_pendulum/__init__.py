"""InvertedPendulum: a pole on a cart."""
