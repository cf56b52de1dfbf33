// The part of android.content that the samples call.

package android.content

import android.content.pm.PackageManager
import java.io.File
import java.io.InputStream

interface SharedPreferences {
    interface Editor {
        fun putBoolean(key: String, value: Boolean): Editor

        fun remove(key: String): Editor

        fun commit(): Boolean
    }

    fun contains(key: String): Boolean

    fun edit(): Editor
}

interface AssetManager {
    fun open(name: String): InputStream
}

abstract class Context {
    abstract val packageManager: PackageManager
    abstract val cacheDir: File
    abstract val assets: AssetManager

    abstract fun getSystemService(name: String): Any

    abstract fun getSharedPreferences(name: String, mode: Int): SharedPreferences

    companion object {
        const val ACTIVITY_SERVICE = "activity"
        const val MODE_PRIVATE = 0
    }
}
