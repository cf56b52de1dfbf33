// Steps from the measurements of sensors to a model's input.

package com.example.bundle

import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.floor
import org.json.JSONObject

/**
 * Measurements at even times.
 *
 * @param channels the number of values of each time.
 * @param values time by time, in the units and at the rate of the step `signal`.
 */
class Signal(val channels: Int, val values: FloatArray) : Raw

internal val signalKind = Kind(
    steps = mapOf(
        "signal" to { step, value, _ -> signal(value as Signal, step) },
        "clip" to { step, value, _ -> clip(numbers(value), step) },
    ),
    decode = { form, shape, content ->
        require(form == "float32") { "$form: no form of a signal; expected float32" }
        val stored = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        Signal(shape.last(), FloatArray(stored.remaining()).also(stored::get))
    },
)

/**
 * Returns measurements at even times, linearly interpolated: sensors deliver at uneven ones.
 *
 * @param times in seconds, ascending, one for each measurement.
 * @param values time by time.
 */
fun evenSignal(times: DoubleArray, channels: Int, values: FloatArray, rateHz: Double): Signal {
    require(times.isNotEmpty() && values.size == times.size * channels) { "${times.size} times, ${values.size} values" }
    // Slack, because the length may be a whole number of periods less a rounding error.
    val count = floor((times.last() - times.first()) * rateHz + 1e-6).toInt() + 1
    val even = FloatArray(count * channels)
    var before = 0
    for (place in 0 until count) {
        val time = times.first() + place / rateHz
        while (before < times.size - 2 && times[before + 1] <= time) before += 1
        val after = minOf(before + 1, times.size - 1)
        val length = times[after] - times[before]
        val share = if (length > 0) ((time - times[before]) / length).coerceIn(0.0, 1.0) else 0.0
        for (channel in 0 until channels) {
            val (first, second) = Pair(values[before * channels + channel], values[after * channels + channel])
            even[place * channels + channel] = (first + (second - first) * share).toFloat()
        }
    }
    return Signal(channels, even)
}

/**
 * Returns the windows of a longer signal that a model sees one after another.
 *
 * @param input of the model; its step `clip` says how long a window is, and how far apart two begin.
 */
fun windows(input: Input, signal: Signal): List<Signal> {
    val step = input.steps.first { it.getString("step") == "clip" }
    val (length, hop) = Pair(step.getInt("samples"), step.getInt("hop"))
    val times = signal.values.size / signal.channels
    return (0..times - length step hop).map { first ->
        val end = (first + length) * signal.channels
        Signal(signal.channels, signal.values.copyOfRange(first * signal.channels, end))
    }
}

private fun signal(signal: Signal, step: JSONObject): Values {
    val channels = step.getJSONArray("channels").length()
    require(signal.channels == channels) { "${signal.channels} channels; expected $channels" }
    require(signal.values.all(Float::isFinite)) { "a value is not finite; expected numbers" }
    return Values("float32", listOf(signal.values.size / channels, channels), signal.values)
}

/** Returns the first samples. */
private fun clip(values: Values, step: JSONObject): Values {
    val (samples, short) = Pair(step.getInt("samples"), step.getString("short"))
    require(short == "refuse") { "clip: $short: unknown; the bundle is newer than this code" }
    val (times, channels) = values.shape
    require(times >= samples) { "$times samples; expected at least $samples" }
    return Values("float32", listOf(samples, channels), values.data.copyOf(samples * channels))
}
