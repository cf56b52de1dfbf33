// The part of JUnit that the test of a bundle calls.

package org.junit

annotation class Before

annotation class Test

object Assert {
    fun assertNull(message: String, value: Any?) = check(value == null) { "$message: $value" }

    fun assertTrue(condition: Boolean) = check(condition)
}
