"""Swimmer: three links in a thick fluid."""
