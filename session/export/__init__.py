"""Writing recordings for other programs: ``python -m session.export --help``."""
