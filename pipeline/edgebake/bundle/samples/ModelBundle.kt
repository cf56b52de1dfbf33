// A bundle, unpacked in a folder of the app: its manifest, its files, and which model is for which device.

package com.example.bundle

import java.io.File
import java.io.InputStream
import java.security.MessageDigest
import java.util.zip.ZipInputStream
import org.json.JSONArray
import org.json.JSONObject

/**
 * Reads a bundle. Every file is compared with the manifest before it is used.
 *
 * @param folder where the bundle was unpacked.
 * <encrypted>
 * @param key 32 bytes, from your key service or from wherever the app keeps it.
 * @param cache a folder that other apps cannot read; plain models lie there while they are loaded.
 * </encrypted>
 */
class ModelBundle(
    private val folder: File,
    // <encrypted>
    private val key: ByteArray,
    private val cache: File,
    // </encrypted>
) {
    private val manifest = JSONObject(File(folder, "manifest.json").readText())
    private val listed = objects(manifest.getJSONArray("files")).associateBy { it.getString("path") }

    /** The targets in the order in which an app tries them. */
    val targets = strings(manifest.getJSONArray("chain")).map { name ->
        Target(name, manifest.getJSONObject("targets").getJSONObject(name))
    }

    /** What a device tries, in this order, until a model loads and answers its golden vectors; empty: nothing fits. */
    fun resolve(facts: Facts): List<Choice> =
        targets.filter { meets(facts, it.rule) }
            .flatMap { target -> target.accelerators.filter { it in facts.accelerators }.map { Choice(target, it) } }

    /** Returns a small file of the bundle. */
    fun text(path: String): String = checked(path).readText()

    /** Hands the model of a target to [load], and returns what that makes of it. */
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
                // What is loaded stays in memory.
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
        /** Unpacks an archive into a folder that is not there yet; nothing half-unpacked stays. */
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

/** One file of the bundle, what it is for, and what an app does before and after it. */
class Target(val name: String, words: JSONObject) {
    val rule: JSONObject = words.getJSONObject("device")
    val model: String = words.getString("model")
    val runtime: String = words.getString("runtime")
    val accelerators = strings(words.getJSONArray("accelerators"))
    val input: JSONObject = words.getJSONObject("input")
    val output: JSONObject = words.getJSONObject("output")
    val preprocessing = objects(words.getJSONArray("preprocessing"))
    val postprocessing = objects(words.getJSONArray("postprocessing"))
    val labels = strings(words.getJSONArray("labels"))
    val golden: String = words.getString("golden")
}

/** A target, and what to run it on. */
class Choice(val target: Target, val accelerator: String)

/**
 * What a device says of itself.
 *
 * @param os API level.
 * @param soc Build.SOC_MODEL; null before Android 12, which does not tell.
 * @param memoryMb all that the system has, in 1,000,000 bytes.
 * @param features PackageManager's.
 * @param device Build.BRAND/Build.DEVICE.
 * @param accelerators those that the app can use.
 */
class Facts(
    val os: String,
    val soc: String?,
    val memoryMb: Long?,
    val features: Set<String>,
    val device: String?,
    val accelerators: Set<String>,
)

/** Whether a device is one that a rule is for; what the system does not tell meets no rule that asks for it. */
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

/** Compares versions number by number: 17, 17.0 and 17.0.0 are the same. */
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
