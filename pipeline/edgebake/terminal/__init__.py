"""The terminal: text that cannot act upon it, and the console that escapes what it prints."""
