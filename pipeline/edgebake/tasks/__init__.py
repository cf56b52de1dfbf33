"""What is asked of a model: the contract of its inputs and outputs, and how outputs are scored."""
