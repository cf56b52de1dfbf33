// Steps from a picture to a model's input, bit for bit as in training. With antialiasing, the resize is Pillow's, in
// the same fixed-point arithmetic; without, it is that of TensorFlow, rounded once.

package com.example.bundle

import kotlin.math.abs
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min
import org.json.JSONObject

/** An image in Android's format: one Int per pixel, row by row, 8 bits each of alpha, red, green and blue. */
class Picture(val width: Int, val height: Int, val argb: IntArray) : Raw

internal val imageKind = Kind(
    steps = mapOf(
        "decode" to { step, value, _ -> decode(value as Picture, step.getString("colour")) },
        "crop" to { _, value, _ -> Cropped(value as Pixels) },
        "resize" to { step, value, _ -> modelSized(value, step) },
        "interpolate" to { step, value, _ -> modelSized(value, step) },
        "resize_short_side" to { step, value, _ -> shortSideSized(value as Pixels, step) },
        "center_crop" to { step, value, _ ->
            cut(value as Pixels, center(value, step.getInt("width"), step.getInt("height")))
        },
    ),
    decode = { form, _, content ->
        require(form == "png") { "$form: no form of a picture; expected png" }
        decodePicture(content)
    },
)

/** Pixels, 8 bits per channel, row by row: one channel for grayscale, three for color. */
internal class Pixels(val width: Int, val height: Int, val channels: Int, val levels: ByteArray) : Numeric {
    operator fun get(x: Int, y: Int, channel: Int): Int = levels[(y * width + x) * channels + channel].toInt() and 0xff

    override fun values(): Values =
        Values("uint8", listOf(height, width, channels), FloatArray(levels.size) { (levels[it].toInt() and 0xff).toFloat() })
}

/** A picture of which the next step reads the centered box with its new aspect ratio: filters also read around it. */
private class Cropped(val pixels: Pixels)

private inline fun pixels(width: Int, height: Int, channels: Int, value: (Int, Int, Int) -> Int): Pixels {
    val values = ByteArray(width * height * channels)
    var index = 0
    for (y in 0 until height) {
        for (x in 0 until width) {
            for (channel in 0 until channels) values[index++] = value(x, y, channel).toByte()
        }
    }
    return Pixels(width, height, channels, values)
}

/** Returns the model's channels; grayscale is ITU-R 601-2 luma in Pillow's fixed-point arithmetic. */
private fun decode(picture: Picture, colour: String): Pixels {
    fun channel(x: Int, y: Int, shift: Int): Int = picture.argb[y * picture.width + x] shr shift and 0xff
    if (colour != "grey") {
        val shifts = if (colour == "bgr") listOf(0, 8, 16) else listOf(16, 8, 0)
        return pixels(picture.width, picture.height, 3) { x, y, number -> channel(x, y, shifts[number]) }
    }
    return pixels(picture.width, picture.height, 1) { x, y, _ ->
        (channel(x, y, 16) * 19595 + channel(x, y, 8) * 38470 + channel(x, y, 0) * 7471 + 0x8000) shr 16
    }
}

/** Returns a picture, or the box of one that is cropped, in the model's size. */
private fun modelSized(value: Any, step: JSONObject): Pixels {
    val (width, height) = Pair(step.getInt("width"), step.getInt("height"))
    if (value is Cropped) return resized(value.pixels, width, height, middle(value.pixels, width, height), step)
    return resized(value as Pixels, width, height, whole(value), step)
}

private fun shortSideSized(pixels: Pixels, step: JSONObject): Pixels {
    val (width, height) = shortSide(pixels, step.getInt("short_side"))
    return resized(pixels, width, height, whole(pixels), step)
}

/** A rectangle in an image, in pixels. */
internal class Box(val left: Int, val top: Int, val right: Int, val bottom: Int)

private fun whole(pixels: Pixels): Box = Box(0, 0, pixels.width, pixels.height)

/** Returns the largest centered box with the input's aspect ratio; whole pixels, rounded down. */
private fun middle(pixels: Pixels, across: Int, down: Int): Box {
    val wide = min(pixels.width, pixels.height * across / down)
    val high = min(pixels.height, pixels.width * down / across)
    val (left, top) = Pair((pixels.width - wide) / 2, (pixels.height - high) / 2)
    return Box(left, top, left + wide, top + high)
}

/** Returns width and height with a length of the shorter side; the longer one is rounded down. */
private fun shortSide(pixels: Pixels, side: Int): Pair<Int, Int> =
    if (pixels.width <= pixels.height) {
        Pair(side, side * pixels.height / pixels.width)
    } else {
        Pair(side * pixels.width / pixels.height, side)
    }

/** Returns the centered box of a size; half pixels are rounded to even. */
private fun center(pixels: Pixels, wide: Int, high: Int): Box {
    val (left, top) = Pair(evenHalf(pixels.width - wide), evenHalf(pixels.height - high))
    return Box(left, top, left + wide, top + high)
}

private fun evenHalf(number: Int): Int = number / 2 + (if (number % 4 == 3) 1 else 0)

private fun cut(pixels: Pixels, box: Box): Pixels =
    pixels(box.right - box.left, box.bottom - box.top, pixels.channels) { x, y, channel ->
        pixels[box.left + x, box.top + y, channel]
    }

/** Resizes a box of an image as a step says. */
private fun resized(pixels: Pixels, width: Int, height: Int, box: Box, step: JSONObject): Pixels {
    val filter = step.getString("filter")
    if (filter == "nearest" || step.getBoolean("antialias")) return resized(pixels, width, height, box, filter)
    return interpolated(cut(pixels, box), width, height, filter)
}

/**
 * Resizes a box of an image like Pillow 13's `resize(size, filter, box)`.
 *
 * Rows are resized first if that is less work, as in Pillow: each pass rounds to 8 bits, so the order matters.
 */
internal fun resized(pixels: Pixels, width: Int, height: Int, box: Box, filter: String): Pixels {
    if (filter == "nearest") {
        val columns = nearest(box.left, box.right, width)
        val rows = nearest(box.top, box.bottom, height)
        return pixels(width, height, pixels.channels) { x, y, channel -> pixels[columns[x], rows[y], channel] }
    }
    val columns = weights(pixels.width, box.left, box.right, width, filter)
    val rows = weights(pixels.height, box.top, box.bottom, height, filter)
    val isTall = height < pixels.height && pixels.height - height > 2 * (pixels.width - width)
    if (isTall) return resampled(transposed(resampled(transposed(pixels), rows)), columns)
    return transposed(resampled(transposed(resampled(pixels, columns)), rows))
}

/** Returns the source pixel of each new pixel; the sum is in the same order as in Pillow. */
private fun nearest(start: Int, end: Int, size: Int): IntArray {
    val scale = (end - start).toDouble() / size
    var place = start + scale * 0.5
    return IntArray(size) { place.toInt().also { place += scale } }
}

/** The weights of a new pixel: the first source pixel, and the weights from there on, in fixed point. */
private class Weights(val first: Int, val values: IntArray)

private const val PRECISION_BITS = 22

/** Returns the weights of each new pixel; downscaling widens the filter, so that it covers every source pixel. */
private fun weights(old: Int, start: Int, end: Int, size: Int, filter: String): List<Weights> {
    val scale = (end - start).toDouble() / size
    val stretch = max(scale, 1.0)
    val support = (if (filter == "bicubic") 2.0 else 1.0) * stretch
    return List(size) { place ->
        val center = start + (place + 0.5) * scale
        val first = max((center - support + 0.5).toInt(), 0)
        val last = min((center + support + 0.5).toInt(), old)
        val real = DoubleArray(last - first) { bell(filter, (it + first - center + 0.5) * (1.0 / stretch)) }
        val sum = real.fold(0.0, Double::plus)
        Weights(first, IntArray(real.size) { fixed(if (sum == 0.0) real[it] else real[it] / sum) })
    }
}

private fun fixed(weight: Double): Int =
    (weight * (1 shl PRECISION_BITS) + if (weight < 0) -0.5 else 0.5).toInt()

/** Returns the filter's value at a distance from its center. */
private fun bell(filter: String, distance: Double): Double {
    val x = abs(distance)
    val a = -0.5
    return when {
        filter == "bilinear" -> max(1.0 - x, 0.0)
        filter != "bicubic" -> error("$filter: unknown filter; the bundle is newer than this code")
        x < 1.0 -> ((a + 2.0) * x - (a + 3.0)) * x * x + 1
        x < 2.0 -> (((x - 5) * x + 8) * x - 4) * a
        else -> 0.0
    }
}

/** Resizes an image horizontally; every sum is rounded to 8 bits. */
private fun resampled(pixels: Pixels, weights: List<Weights>): Pixels =
    pixels(weights.size, pixels.height, pixels.channels) { x, y, channel ->
        val (first, values) = weights[x].let { Pair(it.first, it.values) }
        var sum = 1 shl (PRECISION_BITS - 1)
        for (place in values.indices) sum += pixels[first + place, y, channel] * values[place]
        (sum shr PRECISION_BITS).coerceIn(0, 255)
    }

/**
 * Resizes an image with filters of fixed width, however much it shrinks; every sum is rounded once.
 *
 * Weights outside the image are 0, and the others are divided by their sum.
 */
internal fun interpolated(pixels: Pixels, width: Int, height: Int, filter: String): Pixels {
    val columns = neighbors(pixels.width, width, filter)
    val rows = neighbors(pixels.height, height, filter)
    return pixels(width, height, pixels.channels) { x, y, channel ->
        var sum = 1L shl (2 * PRECISION_BITS - 1)
        val (down, across) = Pair(rows[y], columns[x])
        for (row in down.values.indices) {
            for (column in across.values.indices) {
                val level = pixels[across.first + column, down.first + row, channel].toLong()
                sum += level * down.values[row] * across.values[column]
            }
        }
        (sum shr (2 * PRECISION_BITS)).coerceIn(0L, 255L).toInt()
    }
}

/** Returns the weights of each new pixel, of the two (bilinear) or four (bicubic) source pixels around its center. */
private fun neighbors(old: Int, size: Int, filter: String): List<Weights> {
    val scale = old.toDouble() / size
    val radius = if (filter == "bicubic") 2 else 1
    return List(size) { place ->
        val center = (place + 0.5) * scale - 0.5
        val start = floor(center).toInt() - radius + 1
        val first = max(start, 0)
        val last = min(start + 2 * radius, old)
        val real = DoubleArray(last - first) { bell(filter, it + first - center) }
        val sum = real.fold(0.0, Double::plus)
        Weights(first, IntArray(real.size) { fixed(real[it] / sum) })
    }
}

private fun transposed(pixels: Pixels): Pixels =
    pixels(pixels.height, pixels.width, pixels.channels) { x, y, channel -> pixels[y, x, channel] }
