"""A report on a data folder and on the versions that run here, to read or to send: `python -m session.doctor`."""
