"""Walker2d: one torso on two legs."""
