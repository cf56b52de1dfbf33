// The interface for apps: opens the first model of the bundle that works on the device, and runs it.

package com.example.bundle

import android.app.ActivityManager
import android.content.Context
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.os.Build
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/**
 * A model that loaded and passed its golden vectors on this device.
 *
 *     val classifier = Classifier.open(context, bundle)
 *     val answers = classifier.classify(bitmap)
 *
 * Both can be called from the main thread: they work on other threads.
 */
class Classifier private constructor(val choice: Choice, private val session: Session) : AutoCloseable {
    private val mutex = Mutex()

    /**
     * Returns predictions in descending probability; empty if all are below the threshold.
     *
     * @param bitmap in memory, not with Bitmap.Config.HARDWARE.
     */
    suspend fun classify(bitmap: Bitmap): List<Answer> = withContext(Dispatchers.Default) {
        val input = preprocess(choice.target.preprocessing, picture(bitmap))
        val output = mutex.withLock { session.run(input) }
        postprocess(choice.target.postprocessing, output, choice.target.labels)
    }

    override fun close() = session.close()

    companion object {
        /**
         * Opens the first choice that works; after a failure, the next accelerator and then the next target are tried.
         *
         * @throws IllegalStateException no choice works; the text has the reason for each.
         */
        suspend fun open(context: Context, bundle: ModelBundle): Classifier = withContext(Dispatchers.Default) {
            val attempts = context.getSharedPreferences("bundle.attempts", Context.MODE_PRIVATE)
            val reasons = mutableListOf<String>()
            for (choice in bundle.resolve(facts(context))) {
                val name = "${choice.target.model} on ${choice.accelerator}"
                if (attempts.contains(name)) {
                    reasons += "$name: the app ended while this was tried"
                    continue
                }
                // A driver may crash the process. Recorded before the attempt, so that the next start skips it.
                attempts.edit().putBoolean(name, true).commit()
                val (classifier, reason) = attempt(bundle, choice)
                attempts.edit().remove(name).commit()
                if (classifier != null) return@withContext classifier
                reasons += "$name: $reason"
            }
            error("no model of the bundle works here:\n" + reasons.joinToString("\n"))
        }

        private fun attempt(bundle: ModelBundle, choice: Choice): Pair<Classifier?, String?> = try {
            val session = load(bundle, choice)
            val departure = departure(bundle, choice.target, session, ::decode)
            if (departure == null) {
                Pair(Classifier(choice, session), null)
            } else {
                session.close()
                Pair(null, departure)
            }
        } catch (error: Exception) {
            Pair(null, error.toString())
        } catch (error: LinkageError) {
            // The library of an accelerator is missing on this device.
            Pair(null, error.toString())
        }

        /** Loads a model without testing it with its golden vectors. */
        internal fun load(bundle: ModelBundle, choice: Choice): Session =
            bundle.withModel(choice.target) { model ->
                when (val runtime = choice.target.runtime) {
                    // <litert>
                    "litert" -> LiteRtSession(model, choice.target, choice.accelerator)
                    // </litert>
                    // <onnxruntime>
                    "onnxruntime" -> OnnxSession(model, choice.target, choice.accelerator)
                    // </onnxruntime>
                    else -> error("$runtime: no runtime of this app")
                }
            }

        /** Returns what this device reports about itself. */
        fun facts(context: Context): Facts {
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

        /** Decodes an image without scaling it to the screen. */
        fun decode(file: ByteArray): Picture {
            val options = BitmapFactory.Options().apply { inScaled = false }
            return picture(BitmapFactory.decodeByteArray(file, 0, file.size, options))
        }

        private fun picture(bitmap: Bitmap): Picture {
            val argb = IntArray(bitmap.width * bitmap.height)
            bitmap.getPixels(argb, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
            return Picture(bitmap.width, bitmap.height, argb)
        }
    }
}
