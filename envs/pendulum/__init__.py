"""Pendulum: a rod to be swung up."""
