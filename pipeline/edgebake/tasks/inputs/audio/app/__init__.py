"""Steps of sounds in the languages of apps."""
