// Runs a .tflite file with LiteRT's CompiledModel.
// Source: https://developers.google.com/edge/litert/next/android_kotlin

package com.example.bundle

import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import java.io.File

/**
 * An accelerator alone has to run the whole model, otherwise creation fails.
 *
 * The GPU then shares the model with the CPU; after any other failure, the app tries the next accelerator.
 */
internal class LiteRtSession(model: File, private val target: Target, accelerator: String) : Session {
    private val compiled = compile(model, accelerator)
    private val takenBuffers = compiled.createInputBuffers()
    private val givenBuffers = compiled.createOutputBuffers()

    /** Buffers are in the order of the file, which is that of the manifest. */
    override fun run(inputs: Map<String, Tensor>): Map<String, FloatArray> {
        for ((buffer, input) in takenBuffers.zip(target.inputs)) write(buffer, inputs.getValue(input.name))
        compiled.run(takenBuffers, givenBuffers)
        return givenBuffers.zip(target.outputs).associate { (buffer, output) -> output.name to read(buffer, output.dtype) }
    }

    private fun write(buffer: TensorBuffer, tensor: Tensor) = when (tensor.dtype) {
        "float32" -> buffer.writeFloat(FloatArray(tensor.size) { tensor[it].toFloat() })
        "int32" -> buffer.writeInt(IntArray(tensor.size) { tensor[it].toInt() })
        "int8", "uint8" -> buffer.writeInt8(ByteArray(tensor.size) { tensor.data.get(it) })
        else -> error("${tensor.dtype}: LiteRT's Kotlin API has no such buffers")
    }

    private fun read(buffer: TensorBuffer, dtype: String): FloatArray = when (dtype) {
        "float32" -> buffer.readFloat()
        "int8" -> buffer.readInt8().map { it.toFloat() }.toFloatArray()
        "uint8" -> buffer.readInt8().map { (it.toInt() and 0xff).toFloat() }.toFloatArray()
        else -> error("$dtype: LiteRT's Kotlin API has no such buffers")
    }

    override fun close() {
        (takenBuffers + givenBuffers).forEach { it.close() }
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
