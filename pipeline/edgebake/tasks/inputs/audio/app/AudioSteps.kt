// Steps from a sound to a model's input: frames, their power spectrum, and a matrix of the bundle that sums its bins.

package com.example.bundle

import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.ln
import kotlin.math.sin
import org.json.JSONObject

/** Samples of one microphone, 16 bits each, at the rate of the step `sound`. */
class Sound(val samples: ShortArray) : Raw

internal val audioKind = Kind(
    steps = mapOf(
        "sound" to { step, value, _ -> sound(value as Sound, step) },
        "clip" to { step, value, _ -> clip(numbers(value), step) },
        "scale" to { step, value, _ -> scaled(numbers(value), step) },
        "frames" to { step, value, _ -> frames(numbers(value), step) },
        "window" to { step, value, _ -> windowed(numbers(value), step) },
        "power_spectrum" to { step, value, _ -> powerSpectrum(numbers(value), step.getInt("fft")) },
        "matrix" to { step, value, numbers -> multiplied(numbers(value), step, numbers) },
        "log" to { step, value, _ -> logarithm(numbers(value), step) },
    ),
    decode = { form, _, content ->
        require(form == "pcm16") { "$form: no form of a sound; expected pcm16" }
        val stored = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer()
        Sound(ShortArray(stored.remaining()).also(stored::get))
    },
)

/**
 * Returns the clips of a longer sound that a model hears one after another.
 *
 * @param input of the model; its step `clip` says how long a clip is, and how far apart two begin.
 */
fun clips(input: Input, sound: Sound): List<Sound> {
    val step = input.steps.first { it.getString("step") == "clip" }
    val (samples, hop) = Pair(step.getInt("samples"), step.getInt("hop"))
    return (0..sound.samples.size - samples step hop).map { Sound(sound.samples.copyOfRange(it, it + samples)) }
}

private fun sound(sound: Sound, step: JSONObject): Values {
    val (channels, format) = Pair(step.getInt("channels"), step.getString("format"))
    require(channels == 1 && format == "pcm16") { "sound: $channels channels of $format; expected one of pcm16" }
    return Values("int16", listOf(sound.samples.size), FloatArray(sound.samples.size) { sound.samples[it].toFloat() })
}

/** Returns the first samples; zeros follow a sound that is shorter. */
private fun clip(values: Values, step: JSONObject): Values {
    val (samples, short) = Pair(step.getInt("samples"), step.getString("short"))
    require(short == "zeros_behind") { "clip: $short: unknown; the bundle is newer than this code" }
    return Values(values.dtype, listOf(samples), values.data.copyOf(samples))
}

private fun scaled(values: Values, step: JSONObject): Values {
    val by = step.getDouble("by").toFloat()
    return values.map { _, value -> value * by }
}

/** Returns frames [frames, length]; samples behind the last whole one are dropped. */
private fun frames(values: Values, step: JSONObject): Values {
    require(!step.getBoolean("centred")) { "frames: centred; the bundle is newer than this code" }
    val (length, hop) = Pair(step.getInt("length"), step.getInt("hop"))
    val count = (values.data.size - length) / hop + 1
    val data = FloatArray(count * length) { values.data[it / length * hop + it % length] }
    return Values("float32", listOf(count, length), data)
}

/** Multiplies frames by a Hann window; a periodic one has no second zero at its end. */
private fun windowed(values: Values, step: JSONObject): Values {
    val shape = step.getString("shape")
    require(shape == "hann") { "window: $shape: unknown shape; the bundle is newer than this code" }
    val length = values.shape.last()
    val period = if (step.getBoolean("periodic")) length else length - 1
    val window = FloatArray(length) { (0.5 - 0.5 * cos(2 * PI * it / period)).toFloat() }
    return values.map { index, value -> value * window[index % length] }
}

/** Returns re^2 + im^2 of the bins 0 to fft / 2 of each frame, which zeros fill up to the length of the transform. */
private fun powerSpectrum(values: Values, fft: Int): Values {
    require(fft > 0 && fft and (fft - 1) == 0) { "power_spectrum: fft $fft; expected a power of two" }
    val (count, length) = values.shape
    val bins = fft / 2 + 1
    val data = FloatArray(count * bins)
    for (frame in 0 until count) {
        val real = DoubleArray(fft) { if (it < length) values.data[frame * length + it].toDouble() else 0.0 }
        val imaginary = DoubleArray(fft)
        transform(real, imaginary)
        for (bin in 0 until bins) {
            data[frame * bins + bin] = (real[bin] * real[bin] + imaginary[bin] * imaginary[bin]).toFloat()
        }
    }
    return Values("float32", listOf(count, bins), data)
}

/** The fast Fourier transform of radix 2 (Cooley and Tukey), in place. */
private fun transform(real: DoubleArray, imaginary: DoubleArray) {
    val size = real.size
    var reversed = 0
    for (place in 1 until size) {
        var bit = size shr 1
        while (reversed and bit != 0) {
            reversed = reversed xor bit
            bit = bit shr 1
        }
        reversed = reversed or bit
        if (place < reversed) {
            real[place] = real[reversed].also { real[reversed] = real[place] }
            imaginary[place] = imaginary[reversed].also { imaginary[reversed] = imaginary[place] }
        }
    }
    var half = 1
    while (half < size) {
        for (offset in 0 until half) {
            val angle = -PI * offset / half
            val (turnReal, turnImaginary) = Pair(cos(angle), sin(angle))
            for (upper in offset until size step 2 * half) {
                val lower = upper + half
                val lowerReal = real[lower] * turnReal - imaginary[lower] * turnImaginary
                val lowerImaginary = real[lower] * turnImaginary + imaginary[lower] * turnReal
                real[lower] = real[upper] - lowerReal
                imaginary[lower] = imaginary[upper] - lowerImaginary
                real[upper] += lowerReal
                imaginary[upper] += lowerImaginary
            }
        }
        half *= 2
    }
}

/** Multiplies rows by a matrix of the bundle. */
private fun multiplied(values: Values, step: JSONObject, numbers: Numbers): Values {
    val (rows, columns) = Pair(step.getInt("rows"), step.getInt("columns"))
    val matrix = numbers.at(step.getString("file"))
    check(matrix.size == rows * columns && values.shape.last() == rows) { "matrix: not $rows x $columns" }
    val count = values.data.size / rows
    val data = FloatArray(count * columns) { index ->
        val (first, column) = Pair(index / columns * rows, index % columns)
        var sum = 0.0
        for (row in 0 until rows) sum += values.data[first + row].toDouble() * matrix[row * columns + column]
        sum.toFloat()
    }
    return Values("float32", values.shape.dropLast(1) + columns, data)
}

private fun logarithm(values: Values, step: JSONObject): Values {
    val base = step.getString("base")
    require(base == "e") { "log: base $base: unknown; the bundle is newer than this code" }
    val plus = step.getDouble("plus")
    return values.map { _, value -> ln(value + plus).toFloat() }
}
