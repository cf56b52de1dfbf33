// Postprocessing: from the outputs of a model to predictions.

package com.example.bundle

import kotlin.math.exp
import kotlin.math.max
import kotlin.math.min
import org.json.JSONObject

/** A class and its probability, and of a detected object its box: top, left, bottom, right. */
data class Answer(val label: String, val probability: Float, val box: List<Float>? = null)

/**
 * Returns predictions in descending probability; empty if all are below the threshold.
 *
 * @param outputs the stored values of each output by its name.
 */
fun postprocess(target: Target, outputs: Map<String, FloatArray>): List<Answer> {
    var values = outputs.getValue(target.outputs.first().name)
    for (step in target.postprocessing) {
        if (step.has("output")) values = outputs.getValue(step.getString("output"))
        when (val name = step.getString("step")) {
            "dequantize" -> values =
                dequantized(values, step.getDouble("scale").toFloat(), step.getInt("zero_point"))
            "softmax" -> values = softmax(values)
            "top_k" -> return topK(values, target.labels, step.getInt("k"), step.getDouble("threshold").toFloat())
            "non_maximum_suppression" -> return nonMaximumSuppression(values, target.labels, step)
            else -> error("$name: unknown step; the bundle is newer than this code")
        }
    }
    error("no answers: the bundle's last step is neither top_k nor non_maximum_suppression")
}

internal fun dequantized(stored: FloatArray, scale: Float, zero: Int): FloatArray =
    FloatArray(stored.size) { (stored[it] - zero) * scale }

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
