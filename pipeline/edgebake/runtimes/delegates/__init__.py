"""Facts about delegates, one YAML file each; table.py reads them."""
