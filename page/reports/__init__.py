"""Reports to send: one HTML file, with pictures and data inside, that opens without this program."""
