"""The command ``mothernet``."""
