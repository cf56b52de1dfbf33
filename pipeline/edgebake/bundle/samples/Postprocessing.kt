// Postprocessing: from the model's output to predictions; and the test with golden vectors.

package com.example.bundle

import android.util.Base64
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs
import kotlin.math.exp
import kotlin.math.max
import kotlin.math.min
import org.json.JSONArray
import org.json.JSONObject

/** A class and its probability, and of a detected object its box: top, left, bottom, right. */
data class Answer(val label: String, val probability: Float, val box: List<Float>? = null)

/** Returns predictions in descending probability; empty if all are below the threshold. */
fun postprocess(steps: List<JSONObject>, output: FloatArray, labels: List<String>): List<Answer> {
    var values = output
    for (step in steps) {
        when (val name = step.getString("step")) {
            "dequantize" -> values = dequantized(values, step)
            "softmax" -> values = softmax(values)
            "top_k" -> return topK(values, labels, step.getInt("k"), step.getDouble("threshold").toFloat())
            "non_maximum_suppression" -> return nonMaximumSuppression(values, labels, step)
            else -> error("$name: unknown step; the bundle is newer than this code")
        }
    }
    error("no answers: the bundle's last step is neither top_k nor non_maximum_suppression")
}

private fun dequantized(stored: FloatArray, step: JSONObject): FloatArray {
    val (scale, zero) = Pair(step.getDouble("scale").toFloat(), step.getInt("zero_point"))
    return FloatArray(stored.size) { (stored[it] - zero) * scale }
}

private fun softmax(logits: FloatArray): FloatArray {
    val largest = logits.fold(Float.NEGATIVE_INFINITY, ::max)
    val powers = FloatArray(logits.size) { exp(logits[it] - largest) }
    val sum = powers.sum()
    return FloatArray(powers.size) { powers[it] / sum }
}

/** Equal probabilities keep the order of the classes: the sort is stable. */
private fun topK(probabilities: FloatArray, labels: List<String>, k: Int, threshold: Float): List<Answer> =
    probabilities.indices.sortedByDescending { probabilities[it] }.take(k)
        .filter { probabilities[it] >= threshold }
        .map { Answer(labels[it], probabilities[it]) }

/**
 * Returns the boxes that overlap no more probable box of their class.
 *
 * Every pair of a box and a class counts; of equally probable ones the first row, then the first class.
 *
 * @param values a row for each box: top, left, bottom, right, and the probability of each class.
 */
internal fun nonMaximumSuppression(values: FloatArray, labels: List<String>, step: JSONObject): List<Answer> {
    val width = 4 + labels.size
    val threshold = step.getDouble("threshold").toFloat()
    val pairs = values.indices.filter { it % width >= 4 && values[it] >= threshold }
    val selected = mutableListOf<Int>()
    for (pair in pairs.sortedByDescending { values[it] }) {
        if (selected.size == step.getInt("limit")) break
        val rivals = selected.filter { it % width == pair % width }
        if (rivals.none { overlap(values, pair - pair % width, it - it % width) >= step.getDouble("iou") }) {
            selected.add(pair)
        }
    }
    return selected.map { pair ->
        val box = pair - pair % width
        Answer(labels[pair % width - 4], values[pair], values.slice(box until box + 4))
    }
}

/** Returns the intersection over union of the boxes that begin at two positions, 0 to 1. */
private fun overlap(values: FloatArray, box: Int, rival: Int): Double {
    fun side(start: Float, end: Float) = max(0.0, end.toDouble() - start.toDouble())
    fun area(start: Int): Double {
        val height = values[start + 2].toDouble() - values[start].toDouble()
        return height * (values[start + 3].toDouble() - values[start + 1].toDouble())
    }
    val height = side(max(values[box], values[rival]), min(values[box + 2], values[rival + 2]))
    val width = side(max(values[box + 1], values[rival + 1]), min(values[box + 3], values[rival + 3]))
    val union = area(box) + area(rival) - height * width
    return if (union > 0) height * width / union else 0.0
}

/** A loaded model. Its output is the stored values; integers are converted to floats. */
interface Session : AutoCloseable {
    fun run(input: Tensor): FloatArray
}

/**
 * Tests a loaded model with its golden vectors: images with the expected input, output and prediction.
 *
 * @param decode decodes a PNG file.
 * @return the first difference on this device; null if there is none.
 */
fun departure(bundle: ModelBundle, target: Target, session: Session, decode: (ByteArray) -> Picture): String? {
    val vectors = JSONObject(bundle.text(target.golden))
    val allowed = vectors.getJSONObject("tolerances")
    return objects(vectors.getJSONArray("examples")).withIndex().firstNotNullOfOrNull { (number, example) ->
        wrong(target, allowed, example, session, decode)?.let { "golden vector $number: $it" }
    }
}

private fun wrong(
    target: Target,
    allowed: JSONObject,
    example: JSONObject,
    session: Session,
    decode: (ByteArray) -> Picture,
): String? {
    val expected = tensor(example.getJSONObject("tensor"))
    val tensor = preprocess(target.preprocessing, decode(bytes(example.getString("image"))))
    if (tensor.dtype != expected.dtype || tensor.shape != expected.shape) {
        return "the input is ${tensor.dtype} ${tensor.shape}, expected ${expected.dtype} ${expected.shape}"
    }
    val step = if (target.input.isNull("scale")) 1.0 else target.input.getDouble("scale")
    val inputOff = (0 until tensor.size).maxOf { abs(tensor[it] - expected[it]) } * step
    // With the expected input, so that this tests the model alone.
    val output = session.run(expected)
    val first = target.postprocessing.first()
    val real = if (first.getString("step") == "dequantize") dequantized(output, first) else output
    val probabilities = example.getJSONArray("output")
    if (real.size != probabilities.length()) return "${real.size} numbers, expected ${probabilities.length()}"
    val outputOff = real.indices.maxOf { abs(real[it] - probabilities.getDouble(it)) }
    val answer = postprocess(target.postprocessing, output, target.labels).firstOrNull()?.label
    val answers = objects(example.getJSONArray("answer"))
    return when {
        // Not `>`: NaN is not within a tolerance either.
        !(inputOff <= allowed.getDouble("tensor")) -> "the input is $inputOff off"
        !(outputOff <= allowed.getDouble("output")) -> "the output is $outputOff off"
        answer != answers.firstOrNull()?.getString("label") -> "the answer is $answer"
        else -> null
    }
}

private fun tensor(stored: JSONObject): Tensor {
    val content = bytes(stored.getString("data"))
    val data = ByteBuffer.allocateDirect(content.size).order(ByteOrder.LITTLE_ENDIAN)
    content.forEachIndexed { index, byte -> data.put(index, byte) }
    return Tensor(stored.getString("dtype"), integers(stored.getJSONArray("shape")), data)
}

private fun bytes(text: String): ByteArray = Base64.decode(text, Base64.DEFAULT)

private fun integers(array: JSONArray): List<Int> = (0 until array.length()).map(array::getInt)
