"""The model repository: folders by name and version, checkpoints, manifests of exported files."""
