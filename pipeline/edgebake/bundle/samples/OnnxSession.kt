// Runs an .onnx file with ONNX Runtime.
// Source: https://onnxruntime.ai/docs/api/java/ai/onnxruntime/OrtSession.html

package com.example.bundle

import ai.onnxruntime.OnnxJavaType
import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtSession
import java.io.File
import java.nio.ByteOrder

/** NPU and GPU are used through NNAPI, which runs unsupported operators on the CPU. */
internal class OnnxSession(model: File, private val target: Target, accelerator: String) : Session {
    private val environment = OrtEnvironment.getEnvironment()
    private val session = options(model, accelerator).use { environment.createSession(model.path, it) }

    override fun run(inputs: Map<String, Tensor>): Map<String, FloatArray> {
        val tensors = inputs.mapValues { (_, tensor) -> taken(tensor) }
        try {
            return session.run(tensors).use { outputs ->
                target.outputs.associate { it.name to given(outputs.get(it.name).get() as OnnxTensor, it.dtype) }
            }
        } finally {
            tensors.values.forEach(OnnxTensor::close)
        }
    }

    override fun close() = session.close()

    private fun taken(input: Tensor): OnnxTensor {
        val shape = input.shape.map(Int::toLong).toLongArray()
        val data = input.data.duplicate().order(ByteOrder.nativeOrder())
        return when (input.dtype) {
            "float32" -> OnnxTensor.createTensor(environment, data.asFloatBuffer(), shape)
            "int32" -> OnnxTensor.createTensor(environment, data.asIntBuffer(), shape)
            "int8" -> OnnxTensor.createTensor(environment, data, shape, OnnxJavaType.INT8)
            "uint8" -> OnnxTensor.createTensor(environment, data, shape, OnnxJavaType.UINT8)
            else -> error("${input.dtype}: no dtype that this bundle was tried with")
        }
    }

    private fun given(output: OnnxTensor, dtype: String): FloatArray = when (dtype) {
        "float32" -> output.floatBuffer.let { buffer -> FloatArray(buffer.remaining()) { buffer.get(it) } }
        "int8" -> output.byteBuffer.let { buffer -> FloatArray(buffer.remaining()) { buffer.get(it).toFloat() } }
        "uint8" -> output.byteBuffer.let { buffer ->
            FloatArray(buffer.remaining()) { (buffer.get(it).toInt() and 0xff).toFloat() }
        }
        else -> error("$dtype: no dtype that this bundle was tried with")
    }

    private companion object {
        fun options(model: File, accelerator: String): OrtSession.SessionOptions {
            val options = OrtSession.SessionOptions()
            val content = model.readText(Charsets.ISO_8859_1)
            // Integer weights become floats once, at load, and not in every run.
            if ("QuantizeLinear" !in content) options.addConfigEntry("session.disable_quant_qdq", "1")
            // Weights of 8 bits: sums are exact in an emulator too. Arm ignores the option.
            if ("session.x64quantprecision" in content) {
                options.addConfigEntry("session.x64quantprecision", "1")
            }
            if (accelerator != "cpu") options.addNnapi()
            return options
        }
    }
}
