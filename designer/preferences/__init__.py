"""What people prefer: answers to pairs and rankings, folded into strengths with their uncertainty. Pure functions, no numpy."""
