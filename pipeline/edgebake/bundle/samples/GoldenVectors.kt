// Tests a model with the golden vectors of its bundle: examples with the expected tensors, outputs and prediction.

package com.example.bundle

import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs
import org.json.JSONArray
import org.json.JSONObject

/** Returns the first difference of a loaded model on this device; null if there is none. */
fun departure(bundle: ModelBundle, target: Target, session: Session): String? {
    val vectors = JSONObject(bundle.text(target.golden))
    val isFirstForm = vectors.getString("format") == "edgebake.golden/1"
    val examples = objects(vectors.getJSONArray("examples")).map { if (isFirstForm) listed(target, it) else it }
    var tolerances = vectors.getJSONObject("tolerances")
    if (isFirstForm) tolerances = listedTolerances(target, tolerances)
    return examples.withIndex().firstNotNullOfOrNull { (number, example) ->
        wrong(bundle, target, tolerances, example, session)?.let { "golden vector $number: $it" }
    }
}

/** Returns an example of edgebake.golden/1, which has one image and one output, in the form of edgebake.golden/2. */
private fun listed(target: Target, example: JSONObject): JSONObject {
    val (input, output) = Pair(target.inputs.single().name, target.outputs.single().name)
    val raw = JSONObject().put("form", "png").put("shape", JSONArray()).put("data", example.getString("image"))
    return JSONObject()
        .put("raw", JSONObject().put(input, raw))
        .put("tensors", JSONObject().put(input, example.getJSONObject("tensor")))
        .put("outputs", JSONObject().put(output, JSONObject().put("values", example.getJSONArray("output"))))
        .put("answer", example.getJSONArray("answer"))
}

private fun listedTolerances(target: Target, tolerances: JSONObject): JSONObject = JSONObject()
    .put("inputs", JSONObject().put(target.inputs.single().name, tolerances.getDouble("tensor")))
    .put("outputs", JSONObject().put(target.outputs.single().name, tolerances.getDouble("output")))

private fun wrong(
    bundle: ModelBundle,
    target: Target,
    tolerances: JSONObject,
    example: JSONObject,
    session: Session,
): String? {
    val (raws, tensors) = Pair(example.getJSONObject("raw"), example.getJSONObject("tensors"))
    val expected = target.inputs.associate { it.name to tensor(tensors.getJSONObject(it.name)) }
    for (input in target.inputs) {
        val allowed = tolerances.getJSONObject("inputs").getDouble(input.name)
        val tensor = preprocess(input, raw(input, raws.getJSONObject(input.name)), bundle)
        wrongTensor(input, tensor, expected.getValue(input.name), allowed)?.let { return it }
    }
    // With the expected tensors, so that this tests the model alone.
    val outputs = session.run(expected)
    for (output in target.outputs) {
        val allowed = tolerances.getJSONObject("outputs").getDouble(output.name)
        val values = example.getJSONObject("outputs").getJSONObject(output.name).getJSONArray("values")
        wrongOutput(output, output.real(outputs.getValue(output.name)), values, allowed)?.let { return it }
    }
    val answer = postprocess(target, outputs).firstOrNull()?.label
    val expectedAnswer = objects(example.getJSONArray("answer")).firstOrNull()?.getString("label")
    return if (answer == expectedAnswer) null else "the answer is $answer, expected $expectedAnswer"
}

private fun wrongTensor(input: Input, tensor: Tensor, expected: Tensor, allowed: Double): String? {
    if (tensor.dtype != expected.dtype || tensor.shape != expected.shape) {
        return "${input.name} is ${tensor.dtype} ${tensor.shape}, expected ${expected.dtype} ${expected.shape}"
    }
    val off = (0 until tensor.size).maxOf { abs(tensor[it] - expected[it]) } * input.scale
    // Not `>`: NaN is not within a tolerance either.
    return if (off <= allowed) null else "${input.name} is $off off, expected at most $allowed"
}

private fun wrongOutput(output: Output, real: FloatArray, expected: JSONArray, allowed: Double): String? {
    if (real.size != expected.length()) {
        return "${output.name} has ${real.size} numbers, expected ${expected.length()}"
    }
    val off = real.indices.maxOf { abs(real[it] - expected.getDouble(it)) }
    return if (off <= allowed) null else "${output.name} is $off off, expected at most $allowed"
}

private fun raw(input: Input, stored: JSONObject): Raw {
    val shape = integers(stored.getJSONArray("shape"))
    return KINDS.getValue(input.kind).decode(stored.getString("form"), shape, bytes(stored.getString("data")))
}

private fun tensor(stored: JSONObject): Tensor {
    val content = bytes(stored.getString("data"))
    val data = ByteBuffer.allocateDirect(content.size).order(ByteOrder.LITTLE_ENDIAN)
    content.forEachIndexed { index, byte -> data.put(index, byte) }
    return Tensor(stored.getString("dtype"), integers(stored.getJSONArray("shape")), data)
}

private const val BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/** Decodes base64: java.util.Base64 needs Android 8, and android.util.Base64 is missing where unit tests run. */
internal fun bytes(text: String): ByteArray {
    val digits = text.trimEnd('=')
    val content = ByteArray(digits.length * 3 / 4)
    var (held, bits, place) = Triple(0, 0, 0)
    for (digit in digits) {
        val number = BASE64.indexOf(digit)
        require(number >= 0) { "$digit: no digit of base64" }
        held = (held shl 6 or number) and 0xffff
        bits += 6
        if (bits >= 8) {
            bits -= 8
            content[place++] = (held shr bits).toByte()
        }
    }
    return content
}
