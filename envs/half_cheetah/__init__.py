"""HalfCheetah: a planar two-legged runner."""
