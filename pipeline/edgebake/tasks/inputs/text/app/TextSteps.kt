// Steps from a text to a model's input: numbers of its bytes, which need neither a tokenizer nor tables of Unicode.

package com.example.bundle

import org.json.JSONObject

class Text(val text: String) : Raw

internal val textKind = Kind(
    steps = mapOf(
        "utf8" to { step, value, _ -> utf8(value as Text, step) },
        "bytes" to { step, value, _ -> bytes(value as ByteArray, step) },
    ),
    decode = { form, _, content ->
        require(form == "utf8") { "$form: no form of a text; expected utf8" }
        Text(content.decodeToString())
    },
)

/** Characters stay as they are: what composes and decomposes them differs between versions of Unicode. */
private fun utf8(text: Text, step: JSONObject): ByteArray {
    val normalForm = step.getString("normal_form")
    require(normalForm == "none") { "utf8: $normalForm: unknown; the bundle is newer than this code" }
    return text.text.encodeToByteArray(throwOnInvalidSequence = true)
}

/** Returns the first bytes, each plus a number; a shorter text is padded. */
private fun bytes(content: ByteArray, step: JSONObject): Values {
    val (length, keep) = Pair(step.getInt("length"), step.getString("keep"))
    require(keep == "first") { "bytes: $keep: unknown; the bundle is newer than this code" }
    val (plus, pad) = Pair(step.getInt("plus"), step.getInt("pad"))
    val numbers = FloatArray(length) { place ->
        val number = if (place < content.size) (content[place].toInt() and 0xff) + plus else pad
        number.toFloat()
    }
    return Values("int32", listOf(length), numbers)
}
