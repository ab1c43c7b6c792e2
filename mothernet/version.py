"""The version of all three distributions; their pyproject.toml files read it here."""

__version__ = "0.1.0"
