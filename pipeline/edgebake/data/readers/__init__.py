"""What sources of data share: images, tables, records and arrays in, pixels, labels and errors that help out."""
