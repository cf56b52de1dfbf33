"""What brings a runtime's operators to an accelerator: a file of facts each, with its source; table.py reads them."""
