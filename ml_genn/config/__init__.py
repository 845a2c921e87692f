"""Networks and their parts as plain data that can be written as JSON, and back."""

__all__ = ["arrays", "codec", "network"]
