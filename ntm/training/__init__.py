"""Training: the loop, its optimizers, what it saves to resume, and choosing among seeds."""
