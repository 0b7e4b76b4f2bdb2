"""InvertedDoublePendulum: two poles in a row on a cart."""
