"""What an app team gets: a manifest, the models, and one archive of both."""
