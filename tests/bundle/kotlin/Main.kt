// Runs the samples of a bundle on a JVM: reads requests as lines of JSON, and writes a line for each.

package com.example.bundle

import java.io.File
import java.util.Base64
import kotlinx.coroutines.runBlocking
import org.json.JSONArray
import org.json.JSONObject

private object Desktop : Device {
    val begun = mutableListOf<String>()
    override val facts = Facts("36", null, 8000, emptySet(), null, setOf("gpu", "cpu"))

    override fun crashed(attempt: String) = attempt in begun

    override fun begin(attempt: String) {
        begun += attempt
    }

    override fun end(attempt: String) {
        begun -= attempt
    }

    override fun load(model: File, choice: Choice): Session = when (val runtime = choice.target.runtime) {
        "litert" -> LiteRtSession(model, choice.target, choice.accelerator)
        "onnxruntime" -> OnnxSession(model, choice.target, choice.accelerator)
        else -> error("$runtime: no runtime of this test")
    }
}

private fun stored(tensor: Tensor): JSONObject = JSONObject()
    .put("dtype", tensor.dtype).put("shape", JSONArray(tensor.shape)).put("data", pipe.encode(tensor.data))

/** Of encrypted bundles, tests/bundle/small.py. */
private val KEY = ByteArray(32) { it.toByte() }

private fun bundle(request: JSONObject): ModelBundle {
    val archive = File(request.getString("bundle"))
    val folder = File(archive.path + ".unpacked")
    if (!folder.exists()) ModelBundle.unpack(archive.inputStream(), folder)
    return ModelBundle(folder, KEY, archive.parentFile)
}

/** Returns the first difference of each target from its golden vectors. */
private fun check(request: JSONObject): JSONObject {
    val bundle = bundle(request)
    val departures = JSONObject()
    for (target in bundle.targets) {
        Classifier.load(Desktop, bundle, Choice(target, "cpu")).use {
            departures.put(target.name, departure(bundle, target, it) ?: "as golden")
        }
    }
    return JSONObject().put("departures", departures)
}

private fun raw(stored: JSONObject, kind: String): Raw {
    val content = Base64.getDecoder().decode(stored.getString("data"))
    return KINDS.getValue(kind).decode(stored.getString("form"), integers(stored.getJSONArray("shape")), content)
}

/** Returns the tensor of an example. */
private fun prepare(request: JSONObject): JSONObject {
    val words = request.getJSONObject("input")
    val input = Input(words.getString("kind"), words.getJSONObject("tensor"), objects(words.getJSONArray("preprocessing")))
    val numbers = request.getJSONObject("numbers")
    val tensor = preprocess(input, raw(request.getJSONObject("raw"), input.kind)) { path ->
        each(numbers, path).toFloatArray()
    }
    return JSONObject().put("tensor", stored(tensor))
}

/** Returns the label of an example, or how opening failed. */
private fun classify(request: JSONObject): JSONObject = runBlocking {
    val kind = request.optString("kind").ifEmpty { null }
    Classifier.open(Desktop, bundle(request), kind).use { classifier ->
        val raw = raw(request.getJSONObject("raw"), classifier.choice.target.inputs.single().kind)
        val labels = classifier.classify(raw).map { it.label }
        JSONObject().put("target", classifier.choice.target.name).put("labels", JSONArray(labels))
    }
}

/** Returns the number and label of each clip in which a class is heard. */
private fun hear(request: JSONObject): JSONObject {
    val listener = Listener(bundle(request).targets.first())
    val heard = JSONArray()
    val clips = request.getJSONArray("clips")
    for (clip in 0 until clips.length()) {
        val row = clips.getJSONArray(clip)
        val probabilities = FloatArray(row.length()) { row.getDouble(it).toFloat() }
        val answer = listener.hear(mapOf("probabilities" to probabilities)) ?: continue
        heard.put(JSONArray().put(clip).put(answer.label))
    }
    return JSONObject().put("heard", heard)
}

/** Returns a signal at even times, and the first value of each of its windows. */
private fun even(request: JSONObject): JSONObject {
    val times = each64(request.getJSONArray("times"))
    val values = each(request, "values").toFloatArray()
    val target = bundle(request).targets.first()
    val signal = evenSignal(times, request.getInt("channels"), values, request.getDouble("rate"))
    val windows = windows(target.inputs.single(), signal)
    return JSONObject()
        .put("values", JSONArray(signal.values.toList()))
        .put("windows", JSONArray(windows.map { it.values.first() }))
}

/** Returns the first sample of each clip of a sound. */
private fun clips(request: JSONObject): JSONObject {
    val input = bundle(request).targets.first().inputs.single()
    val sound = raw(request.getJSONObject("raw"), "audio") as Sound
    return JSONObject().put("clips", JSONArray(clips(input, sound).map { it.samples.first().toInt() }))
}

private fun each64(array: JSONArray): DoubleArray = DoubleArray(array.length()) { array.getDouble(it) }

fun main() {
    for (line in generateSequence(::readlnOrNull)) {
        val request = JSONObject(line)
        val reply = try {
            when (val task = request.getString("do")) {
                "check" -> check(request)
                "prepare" -> prepare(request)
                "even" -> even(request)
                "clips" -> clips(request)
                "hear" -> hear(request)
                "decode" -> JSONObject().put(
                    "content",
                    Base64.getEncoder().encodeToString(bytes(request.getString("text"))),
                )
                "classify" -> classify(request)
                else -> error(task)
            }
        } catch (error: Exception) {
            JSONObject().put("error", error.message ?: error.toString())
        }
        println(reply.toString())
        System.out.flush()
    }
}
