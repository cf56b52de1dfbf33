// The part of LiteRT's Kotlin API that the samples call. Models run at the other end of the pipe.

package com.google.ai.edge.litert

import java.nio.ByteBuffer
import pipe.Stored

enum class Accelerator { CPU, GPU, NPU }

class LiteRtException : Exception()

class TensorBuffer internal constructor() {
    internal var content: ByteBuffer = ByteBuffer.allocate(0)

    fun writeFloat(data: FloatArray) {
        content = pipe.buffer(4 * data.size) { it.asFloatBuffer().put(data) }
    }

    fun writeInt(data: IntArray) {
        content = pipe.buffer(4 * data.size) { it.asIntBuffer().put(data) }
    }

    fun writeInt8(data: ByteArray) {
        content = pipe.buffer(data.size) { it.put(data) }
    }

    fun readFloat(): FloatArray {
        val numbers = content.asFloatBuffer()
        return FloatArray(numbers.remaining()).also(numbers::get)
    }

    fun readInt8(): ByteArray = ByteArray(content.remaining()).also(content::get)

    fun close() = Unit
}

class CompiledModel private constructor(private val path: String) {
    class Options(vararg val accelerators: Accelerator)

    private val counts = pipe.load(path, "litert")

    fun createInputBuffers(): List<TensorBuffer> = List(counts.first) { TensorBuffer() }

    fun createOutputBuffers(): List<TensorBuffer> = List(counts.second) { TensorBuffer() }

    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>) {
        val results = pipe.run(path, inputs.map { Stored("", it.content) })
        for ((output, result) in outputs.zip(results)) output.content = result.content
    }

    fun close() = Unit

    companion object {
        fun create(path: String, options: Options): CompiledModel {
            require(options.accelerators.isNotEmpty())
            return CompiledModel(path)
        }
    }
}
