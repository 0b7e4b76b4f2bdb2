"""Pusher: an arm, a cylinder and a goal on a table."""
