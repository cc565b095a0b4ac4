"""Network architectures: a folder or module each, with configuration, model and signature."""
