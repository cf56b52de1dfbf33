// Preprocessing: from an example to the tensors of a model, in the steps that the manifest lists.

package com.example.bundle

import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.json.JSONObject

/** An example as an app has it, before the first step: a picture, a sound, measurements or a text. */
interface Raw

/** Large constants of steps, row by row, by the path of their file in the bundle. */
fun interface Numbers {
    fun at(path: String): FloatArray
}

/** A function of a step's parameters, of the value before it, and of the bundle's numbers. */
typealias Step = (JSONObject, Any, Numbers) -> Any

/**
 * A kind of input.
 *
 * @param steps its steps by name.
 * @param decode makes an example from its form in golden vectors (png, pcm16, ...), its shape and its bytes.
 */
class Kind(val steps: Map<String, Step>, val decode: (String, List<Int>, ByteArray) -> Raw)

internal val KINDS: Map<String, Kind> = mapOf(@KINDS@)

/** What a step yields that the next one can take as numbers. */
interface Numeric {
    fun values(): Values
}

/** Numbers between two steps, row by row; of the dtypes of integers, whole ones. */
class Values(val dtype: String, val shape: List<Int>, val data: FloatArray) : Numeric {
    override fun values(): Values = this

    /** Returns real numbers of the same shape. */
    inline fun map(change: (Int, Float) -> Float): Values =
        Values("float32", shape, FloatArray(data.size) { change(it, data[it]) })
}

/** A tensor as it is stored, little-endian. */
class Tensor(val dtype: String, val shape: List<Int>, val data: ByteBuffer) {
    /** The number of elements. */
    val size: Int = shape.fold(1, Int::times)

    /** Returns a stored element. */
    operator fun get(index: Int): Double = when (dtype) {
        "float32" -> data.getFloat(4 * index).toDouble()
        "int32" -> data.getInt(4 * index).toDouble()
        "int16" -> data.getShort(2 * index).toDouble()
        "int8" -> data.get(index).toDouble()
        "uint8" -> (data.get(index).toInt() and 0xff).toDouble()
        else -> error("$dtype: no dtype of an input")
    }
}

/** Steps of every kind of input. */
private val SHARED_STEPS: Map<String, Step> = mapOf(
    "normalize" to { step, value, _ -> normalized(numbers(value), step) },
    "quantize" to { step, value, _ -> quantized(numbers(value), step) },
    "layout" to { step, value, _ ->
        val layout = step.getString("layout")
        require(layout in setOf("NHWC", "values")) { "$layout: unknown layout; the bundle is newer than this code" }
        value
    },
)

/**
 * Returns the tensors of a model by the name of its inputs.
 *
 * @param raws an example for each input, by its name.
 */
fun preprocess(target: Target, raws: Map<String, Raw>, numbers: Numbers): Map<String, Tensor> =
    target.inputs.associate { input -> input.name to preprocess(input, raws.getValue(input.name), numbers) }

/** Returns the tensor of one input, [1, ...]. */
fun preprocess(input: Input, raw: Raw, numbers: Numbers): Tensor {
    val kind = KINDS[input.kind] ?: error("${input.kind}: unknown kind of input; the bundle is newer than this code")
    val value = input.steps.fold(raw as Any) { value, step ->
        val name = step.getString("step")
        val function = kind.steps[name] ?: SHARED_STEPS[name]
        checkNotNull(function) { "$name: unknown step; the bundle is newer than this code" }
        function(step, value, numbers)
    }
    return stored(numbers(value), input.shape)
}

internal fun numbers(value: Any): Values {
    val numeric = value as? Numeric ?: error("${value::class.simpleName}: a step is missing that yields numbers")
    return numeric.values()
}

private fun normalized(values: Values, step: JSONObject): Values {
    val (mean, scale) = Pair(each(step, "mean"), each(step, "scale"))
    return values.map { index, value -> (value - mean[index % mean.size]) * scale[index % scale.size] }
}

/** Rounds to even, and clips to the range of the dtype. */
private fun quantized(values: Values, step: JSONObject): Values {
    val dtype = step.getString("dtype")
    val (least, most) = when (dtype) {
        "int8" -> Pair(-128.0, 127.0)
        "uint8" -> Pair(0.0, 255.0)
        "int16" -> Pair(-32768.0, 32767.0)
        else -> error("$dtype: no dtype of a quantized input")
    }
    val (scale, zero) = Pair(step.getDouble("scale").toFloat(), step.getInt("zero_point"))
    val integers = values.map { _, value -> Math.rint((value / scale + zero).toDouble()).coerceIn(least, most).toFloat() }
    return Values(dtype, values.shape, integers.data)
}

/** Returns a step's parameter: one number for all elements of the last axis, or one for each. */
internal fun each(step: JSONObject, name: String): List<Float> {
    val list = step.optJSONArray(name) ?: return listOf(step.getDouble(name).toFloat())
    return List(list.length()) { list.getDouble(it).toFloat() }
}

/** Returns numbers as a tensor: of the manifest's shape, which has axes of length 1 that the steps do not know. */
private fun stored(values: Values, shape: List<Int>): Tensor {
    val isWhole = shape.fold(1, Int::times) == values.data.size
    val size = mapOf("float32" to 4, "int32" to 4, "int16" to 2, "int8" to 1, "uint8" to 1).getValue(values.dtype)
    val data = ByteBuffer.allocateDirect(size * values.data.size).order(ByteOrder.LITTLE_ENDIAN)
    values.data.forEachIndexed { index, value ->
        when (values.dtype) {
            "float32" -> data.putFloat(4 * index, value)
            "int32" -> data.putInt(4 * index, value.toInt())
            "int16" -> data.putShort(2 * index, value.toInt().toShort())
            else -> data.put(index, value.toInt().toByte())
        }
    }
    return Tensor(values.dtype, if (isWhole) shape else listOf(1) + values.shape, data)
}
