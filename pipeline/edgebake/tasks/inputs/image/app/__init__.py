"""Code for apps: the steps of an image in Kotlin and Swift."""
