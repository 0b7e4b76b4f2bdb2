"""HumanoidStandup: the humanoid, lying on its back."""
