"""The environments that this version has, a file each; ``registry.open_domain`` opens one by its name."""
