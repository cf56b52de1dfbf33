// Runs the samples of a bundle on a JVM: reads requests as lines of JSON, and writes a line for each.

package com.example.bundle

import java.io.File
import java.util.Base64
import kotlinx.coroutines.runBlocking
import org.json.JSONArray
import org.json.JSONObject

private fun ask(request: JSONObject): JSONObject {
    println(request.toString())
    System.out.flush()
    return JSONObject(readln())
}

/** A model that the process at the other end of the pipe runs. */
private class RemoteSession(private val model: File, private val runtime: String) : Session {
    override fun run(inputs: Map<String, Tensor>): Map<String, FloatArray> {
        val tensors = JSONObject()
        for ((name, tensor) in inputs) tensors.put(name, stored(tensor))
        val request = JSONObject().put("run", model.path).put("runtime", runtime).put("inputs", tensors)
        val outputs = ask(request).getJSONObject("outputs")
        return outputs.keys().asSequence().associateWith { name ->
            val values = outputs.getJSONArray(name)
            FloatArray(values.length()) { values.getDouble(it).toFloat() }
        }
    }

    override fun close() = Unit
}

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

    override fun load(model: File, choice: Choice): Session = RemoteSession(model, choice.target.runtime)
}

private fun stored(tensor: Tensor): JSONObject {
    val data = tensor.data.duplicate().also { it.rewind() }
    val content = ByteArray(data.remaining()).also(data::get)
    return JSONObject().put("dtype", tensor.dtype).put("shape", JSONArray(tensor.shape))
        .put("data", Base64.getEncoder().encodeToString(content))
}

private fun bundle(request: JSONObject): ModelBundle {
    val archive = File(request.getString("bundle"))
    val folder = File(archive.path + ".unpacked")
    if (!folder.exists()) ModelBundle.unpack(archive.inputStream(), folder)
    return ModelBundle(folder)
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

fun main() {
    for (line in generateSequence(::readlnOrNull)) {
        val request = JSONObject(line)
        val reply = try {
            when (val task = request.getString("do")) {
                "check" -> check(request)
                "prepare" -> prepare(request)
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
