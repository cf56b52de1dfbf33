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
    val step = target.postprocessing.last()
    val values = values(target, target.postprocessing, outputs)
    return when (step.getString("step")) {
        "top_k" -> topK(values, target.labels, step.getInt("k"), step.getDouble("threshold").toFloat())
        "non_maximum_suppression" -> nonMaximumSuppression(values, target.labels, step)
        else -> error("no answers: the bundle's last step is neither top_k nor non_maximum_suppression")
    }
}

/** Returns what the last of some steps begins with. */
private fun values(target: Target, steps: List<JSONObject>, outputs: Map<String, FloatArray>): FloatArray {
    var values = outputs.getValue(target.outputs.first().name)
    for (step in steps) {
        if (step.has("output")) values = outputs.getValue(step.getString("output"))
        if (step === steps.last()) break
        values = when (val name = step.getString("step")) {
            "dequantize" -> dequantized(values, step.getDouble("scale").toFloat(), step.getInt("zero_point"))
            "softmax" -> softmax(values)
            "smooth" -> values // The mean over one clip is the clip; see Listener.
            else -> error("$name: unknown step; the bundle is newer than this code")
        }
    }
    return values
}

// <streams>
/**
 * Answers to a stream, of which a model hears one clip after another: several of them hold the same word.
 *
 * Probabilities are means over the last clips. A class is heard once it has been the most probable one, with at least
 * the threshold, in so many clips in a row, and again only after a clip in which it was not.
 */
class Listener(private val target: Target) {
    private val steps = target.postprocessing.takeWhile { it.getString("step") != "smooth" }
    private val smooth = checkNotNull(target.postprocessing.getOrNull(steps.size)) { "${target.name}: not for streams" }
    private val threshold = target.postprocessing.last().getDouble("threshold").toFloat()
    private val clips = ArrayDeque<FloatArray>()
    private var last: Int? = null
    private var inARow = 0

    /** Returns the class that is heard with the outputs of the next clip; null if none is. */
    fun hear(outputs: Map<String, FloatArray>): Answer? {
        clips.addLast(values(target, steps + smooth, outputs))
        if (clips.size > smooth.getInt("over")) clips.removeFirst()
        val means = FloatArray(target.labels.size) { label ->
            (clips.sumOf { it[label].toDouble() } / clips.size).toFloat()
        }
        val best = means.indices.maxBy { means[it] } // of equal ones, the first
        val label = if (means[best] >= threshold) best else null
        inARow = if (label == last) inARow + 1 else 1
        last = label
        return if (label != null && inARow == smooth.getInt("hold")) Answer(target.labels[label], means[label]) else null
    }
}

// </streams>
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
