"""Call structure and flags, declared once for C++, ctypes and NumPy."""

__all__: list[str] = []
