// Postprocessing: from the model's output to predictions; and the test with golden vectors.

package com.example.bundle

import android.util.Base64
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs
import kotlin.math.exp
import kotlin.math.max
import org.json.JSONArray
import org.json.JSONObject

/** A class and its probability. */
data class Answer(val label: String, val probability: Float)

/** Returns predictions in descending probability; empty if all are below the threshold. */
fun postprocess(steps: List<JSONObject>, output: FloatArray, labels: List<String>): List<Answer> {
    var values = output
    for (step in steps) {
        when (val name = step.getString("step")) {
            "dequantize" -> values = dequantized(values, step)
            "softmax" -> values = softmax(values)
            "top_k" -> return topK(values, labels, step.getInt("k"), step.getDouble("threshold").toFloat())
            else -> error("$name: unknown step; the bundle is newer than this code")
        }
    }
    error("no answers: the bundle's last step is not top_k")
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
