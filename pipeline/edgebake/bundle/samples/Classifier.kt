// The interface for apps: opens the first model of the bundle that works on the device, and runs it.

package com.example.bundle

import java.io.File
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/** A loaded model. It takes tensors by the names of inputs, and returns stored values by the names of outputs. */
interface Session : AutoCloseable {
    fun run(inputs: Map<String, Tensor>): Map<String, FloatArray>
}

/** The device that an app runs on, see AndroidDevice. Attempts are remembered when the app ends. */
interface Device {
    /** What the device reports about itself. */
    val facts: Facts

    /** Returns whether the app ended during an attempt. */
    fun crashed(attempt: String): Boolean

    fun begin(attempt: String)

    fun end(attempt: String)

    /** Loads a model file, without testing it with its golden vectors. */
    fun load(model: File, choice: Choice): Session
}

/**
 * A model that loaded and passed its golden vectors on this device.
 *
 *     val classifier = Classifier.open(AndroidDevice(context), bundle)
 *     val answers = classifier.classify(example)
 *
 * Both can be called from the main thread: they work on other threads.
 */
class Classifier private constructor(
    private val bundle: ModelBundle,
    val choice: Choice,
    private val session: Session,
) : AutoCloseable {
    private val mutex = Mutex()

    /** Returns predictions in descending probability; empty if all are below the threshold. */
    suspend fun classify(example: Raw): List<Answer> = classify(mapOf(choice.target.inputs.single().name to example))

    /** Returns the predictions of a model with several inputs: an example for each, by its name. */
    suspend fun classify(examples: Map<String, Raw>): List<Answer> = withContext(Dispatchers.Default) {
        val tensors = preprocess(choice.target, examples, bundle)
        val outputs = mutex.withLock { session.run(tensors) }
        postprocess(choice.target, outputs)
    }

    // <streams>
    private val listener by lazy { Listener(choice.target) }

    /**
     * Returns the class that is heard with the next clip of a stream; null if none is.
     *
     * The model's clips begin a number of samples apart, see `clips`. An app with two streams opens two classifiers.
     */
    suspend fun hear(clip: Raw): Answer? = withContext(Dispatchers.Default) {
        val tensors = preprocess(choice.target, mapOf(choice.target.inputs.single().name to clip), bundle)
        mutex.withLock { listener.hear(session.run(tensors)) }
    }

    // </streams>
    override fun close() = session.close()

    companion object {
        /**
         * Opens the first choice that works; after a failure, the next accelerator and then the next target are tried.
         *
         * @param kind of input, for a bundle with models of several kinds; null: any.
         * @throws IllegalStateException no choice works; the text has the reason for each.
         */
        suspend fun open(device: Device, bundle: ModelBundle, kind: String? = null): Classifier =
            withContext(Dispatchers.Default) {
                val reasons = mutableListOf<String>()
                for (choice in bundle.resolve(device.facts)) {
                    if (kind != null && choice.target.inputs.none { it.kind == kind }) continue
                    val name = "${choice.target.model} on ${choice.accelerator}"
                    if (device.crashed(name)) {
                        reasons += "$name: the app ended while this was tried"
                        continue
                    }
                    // A driver may crash the process. Recorded before the attempt, so that the next start skips it.
                    device.begin(name)
                    val (classifier, reason) = attempt(device, bundle, choice)
                    device.end(name)
                    if (classifier != null) return@withContext classifier
                    reasons += "$name: $reason"
                }
                error("no model of the bundle works here:\n" + reasons.joinToString("\n"))
            }

        private fun attempt(device: Device, bundle: ModelBundle, choice: Choice): Pair<Classifier?, String?> = try {
            val session = load(device, bundle, choice)
            val departure = departure(bundle, choice.target, session)
            if (departure == null) {
                Pair(Classifier(bundle, choice, session), null)
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
        internal fun load(device: Device, bundle: ModelBundle, choice: Choice): Session =
            bundle.withModel(choice.target) { model -> device.load(model, choice) }
    }
}
