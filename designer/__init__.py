"""Reward design for reinforcement learning by language models: from a sentence to a judged reward."""

__version__ = "0.1.0"
