"""Steps of a signal in Kotlin and Swift, for apps."""
