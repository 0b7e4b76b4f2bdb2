"""Ant: a four-legged walker."""
