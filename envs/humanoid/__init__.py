"""Humanoid: a torso with a waist, two arms and two legs."""
