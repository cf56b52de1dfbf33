// The part of android.app that the samples call.

package android.app

class ActivityManager {
    class MemoryInfo {
        val totalMem = 8_000_000_000
    }

    fun getMemoryInfo(info: MemoryInfo) = require(info.totalMem > 0)
}
