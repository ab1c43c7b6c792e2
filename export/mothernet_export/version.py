"""The version of this distribution, recorded in every file that it writes."""

__version__ = "0.1.0"
