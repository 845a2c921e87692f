"""Scripts in the style of mlGeNN's documented API, on small data.

They have the imports, the order of arguments and the names that such scripts use.
"""
