// Runs a .tflite file with LiteRT's CompiledModel.
// Source: https://developers.google.com/edge/litert/next/android_kotlin

package com.example.bundle

import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import java.io.File

/** A single accelerator: if it cannot run the whole model, creation fails and the next one is tried. */
internal class LiteRtSession(model: File, private val target: Target, accelerator: String) : Session {
    private val compiled = CompiledModel.create(model.path, CompiledModel.Options(named(accelerator)))
    private val inputs = compiled.createInputBuffers()
    private val outputs = compiled.createOutputBuffers()

    override fun run(input: Tensor): FloatArray {
        val taken = inputs.first()
        when (input.dtype) {
            "float32" -> taken.writeFloat(FloatArray(input.size) { input[it].toFloat() })
            "int8", "uint8" -> taken.writeInt8(ByteArray(input.size) { input.data.get(it) })
            else -> error("${input.dtype}: LiteRT's Kotlin API has no such buffers")
        }
        compiled.run(inputs, outputs)
        val given = outputs.first()
        return when (val dtype = target.output.getString("dtype")) {
            "float32" -> given.readFloat()
            "int8" -> given.readInt8().map { it.toFloat() }.toFloatArray()
            "uint8" -> given.readInt8().map { (it.toInt() and 0xff).toFloat() }.toFloatArray()
            else -> error("$dtype: LiteRT's Kotlin API has no such buffers")
        }
    }

    override fun close() {
        (inputs + outputs).forEach { it.close() }
        compiled.close()
    }

    private companion object {
        fun named(accelerator: String): Accelerator = when (accelerator) {
            "npu" -> Accelerator.NPU
            "gpu" -> Accelerator.GPU
            else -> Accelerator.CPU
        }
    }
}
