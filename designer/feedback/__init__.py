"""Observations about candidates: what trials showed, in words and numbers for the next prompt and for people."""
