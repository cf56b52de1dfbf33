// The part of ONNX Runtime's Java API that the samples call. Models run at the other end of the pipe.

package ai.onnxruntime

import java.nio.ByteBuffer
import java.nio.FloatBuffer
import java.nio.IntBuffer
import java.util.Optional
import pipe.Stored

enum class OnnxJavaType { INT8, UINT8 }

interface OnnxValue

class OnnxTensor internal constructor(internal val content: ByteBuffer) : OnnxValue, AutoCloseable {
    val floatBuffer: FloatBuffer get() = content.asFloatBuffer()
    val byteBuffer: ByteBuffer get() = content

    override fun close() = Unit

    companion object {
        fun createTensor(environment: OrtEnvironment, data: FloatBuffer, shape: LongArray): OnnxTensor {
            check(environment, data.remaining(), shape)
            return OnnxTensor(pipe.buffer(4 * data.remaining()) { it.asFloatBuffer().put(data) })
        }

        fun createTensor(environment: OrtEnvironment, data: IntBuffer, shape: LongArray): OnnxTensor {
            check(environment, data.remaining(), shape)
            return OnnxTensor(pipe.buffer(4 * data.remaining()) { it.asIntBuffer().put(data) })
        }

        fun createTensor(
            environment: OrtEnvironment,
            data: ByteBuffer,
            shape: LongArray,
            type: OnnxJavaType,
        ): OnnxTensor {
            require(type in OnnxJavaType.entries)
            check(environment, data.remaining(), shape)
            return OnnxTensor(pipe.buffer(data.remaining()) { it.put(data) })
        }

        private fun check(environment: OrtEnvironment, size: Int, shape: LongArray) {
            require(environment === OrtEnvironment.getEnvironment())
            require(shape.fold(1L, Long::times) == size.toLong()) { "$size elements for another shape" }
        }
    }
}

class OrtEnvironment private constructor() {
    fun createSession(path: String, options: OrtSession.SessionOptions): OrtSession {
        require(!options.isClosed)
        return OrtSession(path)
    }

    companion object {
        private val environment = OrtEnvironment()

        fun getEnvironment(): OrtEnvironment = environment
    }
}

class OrtSession internal constructor(private val path: String) : AutoCloseable {
    init {
        pipe.load(path, "onnxruntime")
    }

    class SessionOptions : AutoCloseable {
        internal var isClosed = false

        fun addConfigEntry(key: String, value: String) = require(key.isNotEmpty() && value.isNotEmpty())

        fun addNnapi() = Unit

        override fun close() {
            isClosed = true
        }
    }

    class Result internal constructor(private val outputs: List<Stored>) : AutoCloseable {
        fun get(name: String): Optional<OnnxValue> =
            Optional.ofNullable(outputs.firstOrNull { it.name == name }?.let { OnnxTensor(it.content) })

        override fun close() = Unit
    }

    fun run(inputs: Map<String, OnnxTensor>): Result =
        Result(pipe.run(path, inputs.map { (name, tensor) -> Stored(name, tensor.content) }))

    override fun close() = Unit
}
