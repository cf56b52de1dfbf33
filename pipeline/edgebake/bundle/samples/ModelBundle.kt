// Reads an unpacked bundle: its manifest, its files and the rules that match models to devices.

package com.example.bundle

import java.io.File
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest
import java.util.concurrent.ConcurrentHashMap
import java.util.zip.ZipInputStream
import org.json.JSONArray
import org.json.JSONObject

/**
 * A bundle. Every file is compared with the manifest before it is used.
 *
 * @param folder the unpacked bundle.
 * <encrypted>
 * @param key 32 bytes, for example from your key service.
 * @param cache a folder that other apps cannot read; it holds decrypted models while they load.
 * </encrypted>
 */
class ModelBundle(
    private val folder: File,
    // <encrypted>
    private val key: ByteArray,
    private val cache: File,
    // </encrypted>
) : Numbers {
    private val manifest = JSONObject(File(folder, "manifest.json").readText())
    private val listed = objects(manifest.getJSONArray("files")).associateBy { it.getString("path") }

    private val numbers = ConcurrentHashMap<String, FloatArray>()

    init {
        val schema = manifest.getString("schema")
        check(schema in SCHEMAS) { "$schema: unknown; the bundle is newer than this code" }
    }

    /** The targets in fallback order. */
    val targets = strings(manifest.getJSONArray("chain")).map { name ->
        Target(name, manifest.getJSONObject("targets").getJSONObject(name))
    }

    /** Returns what to try, in order, until a model loads and passes its golden vectors; empty if no target fits. */
    fun resolve(facts: Facts): List<Choice> =
        targets.filter { meets(facts, it.rule) }
            .flatMap { target -> target.accelerators.filter { it in facts.accelerators }.map { Choice(target, it) } }

    /** Returns the content of a file, read into memory. */
    fun text(path: String): String = checked(path).readText()

    /** Returns the float32 numbers of a file; they stay in memory. */
    override fun at(path: String): FloatArray = numbers.getOrPut(path) {
        val content = ByteBuffer.wrap(checked(path).readBytes()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        FloatArray(content.remaining()).also(content::get)
    }

    /** Calls [load] with the model file of a target, and returns its result. */
    fun <T> withModel(target: Target, load: (File) -> T): T {
        val file = checked(target.model)
        // <encrypted>
        val said = listed.getValue(target.model).optJSONObject("encryption")
        if (said != null) {
            val plain = File.createTempFile("model", null, cache)
            try {
                val release = listOf("name", "version", "platform").map(manifest::getString)
                plain.outputStream().use { decrypt(file, it, key, (release + target.model).joinToString("/")) }
                val isListed = plain.length() == said.getLong("plain_size") &&
                    sha256(plain) == said.getString("plain_sha256")
                check(isListed) { "${target.model}: decrypted, not what manifest.json lists" }
                return load(plain)
            } finally {
                // The loaded model stays in memory.
                plain.delete()
            }
        }
        // </encrypted>
        return load(file)
    }

    private fun checked(path: String): File {
        val file = File(folder, path)
        check(sha256(file) == listed.getValue(path).getString("sha256")) { "$path: not what manifest.json lists" }
        return file
    }

    companion object {
        private val SCHEMAS = setOf("edgebake.manifest/1", "edgebake.manifest/2")

        /** Unpacks an archive into a new folder, all of it or nothing. */
        fun unpack(archive: InputStream, folder: File) {
            val partial = File(folder.path + ".partial")
            partial.deleteRecursively()
            ZipInputStream(archive).use { zip ->
                generateSequence { zip.nextEntry }.forEach { entry ->
                    val file = File(partial, entry.name)
                    val within = file.canonicalPath.startsWith(partial.canonicalPath + File.separator)
                    require(within) { "${entry.name}: leads out of the bundle" }
                    file.parentFile?.mkdirs()
                    file.outputStream().use { zip.copyTo(it) }
                }
            }
            check(partial.renameTo(folder)) { "$folder: cannot be written" }
        }
    }
}

/** A model, the devices that it is for, and the steps before and after it. */
class Target(val name: String, words: JSONObject) {
    val rule: JSONObject = words.getJSONObject("device")
    val model: String = words.getString("model")
    val runtime: String = words.getString("runtime")
    val accelerators = strings(words.getJSONArray("accelerators"))
    val inputs: List<Input> = inputs(words)
    val outputs: List<Output> = outputs(words)
    val postprocessing = objects(words.getJSONArray("postprocessing"))
    val labels = strings(words.getJSONArray("labels"))
    val golden: String = words.getString("golden")
}

/** An input of a model, and the steps that make its tensor of an example. */
class Input(val kind: String, tensor: JSONObject, val steps: List<JSONObject>) {
    val name: String = tensor.getString("name")
    val shape = integers(tensor.getJSONArray("shape"))

    /** The size of one step of a quantized input in real numbers; otherwise 1. */
    val scale: Double = if (tensor.isNull("scale")) 1.0 else tensor.getDouble("scale")
}

/** An output of a model. */
class Output(tensor: JSONObject) {
    val name: String = tensor.getString("name")
    val dtype: String = tensor.getString("dtype")
    private val scale = if (tensor.isNull("scale")) null else tensor.getDouble("scale").toFloat()
    private val zeroPoint = tensor.optInt("zero_point")

    /** Returns stored values as real numbers. */
    fun real(stored: FloatArray): FloatArray = if (scale == null) stored else dequantized(stored, scale, zeroPoint)
}

/** Bundles with the schema edgebake.manifest/1 hold models of one image alone. */
private fun inputs(target: JSONObject): List<Input> {
    val listed = target.optJSONArray("inputs")
        ?: return listOf(Input("image", target.getJSONObject("input"), objects(target.getJSONArray("preprocessing"))))
    return objects(listed).map { input ->
        Input(input.getString("kind"), input.getJSONObject("tensor"), objects(input.getJSONArray("preprocessing")))
    }
}

private fun outputs(target: JSONObject): List<Output> =
    (target.optJSONArray("outputs")?.let(::objects) ?: listOf(target.getJSONObject("output"))).map(::Output)

/** A target and the accelerator to run it on. */
class Choice(val target: Target, val accelerator: String)

/**
 * What a device reports about itself.
 *
 * @param os API level.
 * @param soc Build.SOC_MODEL; null before Android 12, which does not report it.
 * @param memoryMb total memory, in units of 1,000,000 bytes.
 * @param features PackageManager's.
 * @param device Build.BRAND/Build.DEVICE.
 * @param accelerators those that the app supports.
 */
class Facts(
    val os: String,
    val soc: String?,
    val memoryMb: Long?,
    val features: Set<String>,
    val device: String?,
    val accelerators: Set<String>,
)

/** Returns whether a device meets a rule. A fact that the system does not report meets no rule about it. */
fun meets(facts: Facts, rule: JSONObject): Boolean {
    val soc = strings(rule.getJSONArray("soc"))
    val memory = if (rule.isNull("memory_mb")) null else rule.getLong("memory_mb")
    val devices = strings(rule.getJSONArray("devices"))
    val excluded = strings(rule.getJSONArray("excluded_devices"))
    return isAtLeast(facts.os, rule.getString("minimum_os")) &&
        (soc.isEmpty() || facts.soc in soc) &&
        (memory == null || (facts.memoryMb ?: 0) >= memory) &&
        facts.features.containsAll(strings(rule.getJSONArray("features"))) &&
        (devices.isEmpty() || facts.device in devices) &&
        (excluded.isEmpty() || (facts.device != null && facts.device !in excluded))
}

/** Compares versions number by number: 17, 17.0 and 17.0.0 are equal. */
private fun isAtLeast(version: String, least: String): Boolean {
    val (found, asked) = listOf(version, least).map { text -> text.split(".").map(String::toInt) }
    for (place in 0 until maxOf(found.size, asked.size)) {
        val difference = found.getOrElse(place) { 0 } - asked.getOrElse(place) { 0 }
        if (difference != 0) return difference > 0
    }
    return true
}

private fun sha256(file: File): String {
    val digest = MessageDigest.getInstance("SHA-256")
    file.inputStream().use { stream ->
        val buffer = ByteArray(1 shl 16)
        generateSequence { stream.read(buffer).takeIf { it >= 0 } }.forEach { digest.update(buffer, 0, it) }
    }
    return digest.digest().joinToString("") { "%02x".format(it) }
}

internal fun strings(array: JSONArray): List<String> = (0 until array.length()).map(array::getString)

internal fun objects(array: JSONArray): List<JSONObject> = (0 until array.length()).map(array::getJSONObject)

internal fun integers(array: JSONArray): List<Int> = (0 until array.length()).map(array::getInt)
