// Runs a .tflite file with LiteRT's CompiledModel.
// Source: https://developers.google.com/edge/litert/next/android_kotlin

package com.example.bundle

import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.LiteRtException
import java.io.File

/**
 * An accelerator alone has to run the whole model, otherwise creation fails.
 *
 * The GPU then shares the model with the CPU; after any other failure, the app tries the next accelerator.
 */
internal class LiteRtSession(model: File, private val target: Target, accelerator: String) : Session {
    private val compiled = compile(model, accelerator)
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
        fun compile(model: File, accelerator: String): CompiledModel = when (accelerator) {
            "npu" -> create(model, Accelerator.NPU)
            "gpu" -> try {
                create(model, Accelerator.GPU)
            } catch (error: LiteRtException) {
                // Some operators are not for the GPU: LiteRT runs those on the CPU and copies tensors between the two.
                create(model, Accelerator.GPU, Accelerator.CPU)
            }
            else -> create(model, Accelerator.CPU)
        }

        fun create(model: File, vararg accelerators: Accelerator): CompiledModel =
            CompiledModel.create(model.path, CompiledModel.Options(*accelerators))
    }
}
