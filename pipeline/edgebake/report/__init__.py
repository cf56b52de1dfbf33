"""Reports for people: tables on the terminal, plots and descriptions of files."""
