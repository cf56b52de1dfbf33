// The part of AndroidX that gives the test of a bundle its app.

package androidx.test.platform.app

import android.content.Context

class Bundle {
    fun getString(key: String): String? = System.getenv(key)
}

abstract class Instrumentation {
    abstract val targetContext: Context
}

object InstrumentationRegistry {
    lateinit var app: Instrumentation

    fun getInstrumentation(): Instrumentation = app

    fun getArguments(): Bundle = Bundle()
}
