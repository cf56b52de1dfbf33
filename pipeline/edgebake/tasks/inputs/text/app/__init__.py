"""Steps of a text in Kotlin and Swift, for apps."""
