// What an app uses: it opens the first model of the bundle that works on the device, and asks it.

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
 * A model that loaded and answered its golden vectors here.
 *
 *     val classifier = Classifier.open(context, bundle)
 *     val answers = classifier.classify(bitmap)
 *
 * Both may be called from the main thread: they work on others.
 */
class Classifier private constructor(val choice: Choice, private val session: Session) : AutoCloseable {
    private val mutex = Mutex()

    /**
     * Returns answers in falling probability; empty where none is likely enough.
     *
     * @param bitmap in memory: not one of Bitmap.Config.HARDWARE.
     */
    suspend fun classify(bitmap: Bitmap): List<Answer> = withContext(Dispatchers.Default) {
        val input = preprocess(choice.target.preprocessing, picture(bitmap))
        val output = mutex.withLock { session.run(input) }
        postprocess(choice.target.postprocessing, output, choice.target.labels)
    }

    override fun close() = session.close()

    companion object {
        /**
         * Opens the first choice that works: the next accelerator, then the next target, is tried where one does not.
         *
         * @throws IllegalStateException nothing works; the text says why, choice by choice.
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
                // A driver may take the whole process down: written before, so that the next start passes by.
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
            // A library of an accelerator that is not on this device.
            Pair(null, error.toString())
        }

        /** Loads a model without holding it against its golden vectors. */
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

        /** Returns what this device says of itself. */
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

        /** Decodes a picture without scaling it to the screen. */
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
