"""One module a group of paths. A route reads the request, awaits the scheduler, answers."""
