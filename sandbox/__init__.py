"""What runs in the sandbox: training, evaluation and scoring, each job in a sealed process of its own."""
