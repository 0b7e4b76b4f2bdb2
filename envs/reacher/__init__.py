"""Reacher: a two-jointed arm and a target."""
