// The pipe to the process that started this one, which runs models.

package pipe

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64
import org.json.JSONArray
import org.json.JSONObject

/** A tensor of a model by its name, as stored bytes. */
class Stored(val name: String, val content: ByteBuffer)

fun ask(request: JSONObject): JSONObject {
    println(request.toString())
    System.out.flush()
    return JSONObject(readln())
}

/** Runs a model that was loaded; inputs without a name are in the order of the file, as outputs are. */
fun run(model: String, inputs: List<Stored>): List<Stored> {
    val tensors = JSONArray()
    for (input in inputs) tensors.put(JSONObject().put("name", input.name).put("data", encode(input.content)))
    val request = JSONObject().put("run", model).put("inputs", tensors)
    val outputs = ask(request).getJSONArray("outputs")
    return (0 until outputs.length()).map(outputs::getJSONObject).map { output ->
        val content = ByteBuffer.wrap(Base64.getDecoder().decode(output.getString("data")))
        Stored(output.getString("name"), content.order(ByteOrder.LITTLE_ENDIAN))
    }
}

/** Loads a model, whose file may be deleted then; returns how many inputs and outputs it has. */
fun load(model: String, runtime: String): Pair<Int, Int> {
    val reply = ask(JSONObject().put("load", model).put("runtime", runtime))
    return Pair(reply.getInt("inputs"), reply.getInt("outputs"))
}

fun encode(content: ByteBuffer): String {
    val copy = content.duplicate().also { it.rewind() }
    return Base64.getEncoder().encodeToString(ByteArray(copy.remaining()).also(copy::get))
}

/** Returns a buffer that numbers are put into. */
fun buffer(size: Int, put: (ByteBuffer) -> Unit): ByteBuffer =
    ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN).also(put)
