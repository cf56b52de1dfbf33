// The Android device that an app runs on: what it reports, its runtimes, and the attempts that ended the app.

package com.example.bundle

import android.app.ActivityManager
import android.content.Context
import android.os.Build
import java.io.File

class AndroidDevice(private val context: Context) : Device {
    private val attempts = context.getSharedPreferences("bundle.attempts", Context.MODE_PRIVATE)

    override val facts: Facts
        get() {
            val manager = context.getSystemService(Context.ACTIVITY_SERVICE) as ActivityManager
            val memory = ActivityManager.MemoryInfo().also(manager::getMemoryInfo)
            return Facts(
                os = Build.VERSION.SDK_INT.toString(),
                soc = if (Build.VERSION.SDK_INT >= 31) Build.SOC_MODEL else null,
                memoryMb = memory.totalMem / 1_000_000,
                features = context.packageManager.systemAvailableFeatures.mapNotNull { it.name }.toSet(),
                device = "${Build.BRAND}/${Build.DEVICE}",
                accelerators = setOf("npu", "gpu", "cpu"),
            )
        }

    override fun crashed(attempt: String): Boolean = attempts.contains(attempt)

    override fun begin(attempt: String) {
        attempts.edit().putBoolean(attempt, true).commit()
    }

    override fun end(attempt: String) {
        attempts.edit().remove(attempt).commit()
    }

    override fun load(model: File, choice: Choice): Session = when (val runtime = choice.target.runtime) {
        // <litert>
        "litert" -> LiteRtSession(model, choice.target, choice.accelerator)
        // </litert>
        // <onnxruntime>
        "onnxruntime" -> OnnxSession(model, choice.target, choice.accelerator)
        // </onnxruntime>
        else -> error("$runtime: no runtime of this app")
    }
}
