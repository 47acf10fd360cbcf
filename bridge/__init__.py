"""ill-bridge keeps a library's ILS in step with its interlibrary loans."""

__version__ = "0.1.0"
