"""A recording: mono PCM of 16 bits, as the logarithms of mel bands of its power spectrum."""
