"""Hopper: one torso on one leg."""
