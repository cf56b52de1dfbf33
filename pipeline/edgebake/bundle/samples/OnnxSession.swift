// Runs an .onnx file with ONNX Runtime.
// Source: https://onnxruntime.ai/docs/api/objectivec

import Foundation
import OnnxRuntimeBindings

/// An actor, so that inference never blocks the main thread. Neural Engine and GPU are used through Core ML.
actor OnnxSession: Session {
    private let environment: ORTEnv
    private let session: ORTSession
    private let words: Words

    init(model: URL, words: Words, accelerator: String) throws {
        let options = try ORTSessionOptions()
        // Integer weights become floats once, at load, and not in every run.
        if try Data(contentsOf: model).range(of: Data("QuantizeLinear".utf8)) == nil {
            try options.addConfigEntry(withKey: "session.disable_quant_qdq", value: "1")
        }
        // No session.x64quantprecision, which files with 8-bit weights ask for: no iPhone has an x86 processor.
        if accelerator != "cpu" {
            let coreML = ORTCoreMLExecutionProviderOptions()
            coreML.createMLProgram = true
            try options.appendCoreMLExecutionProvider(with: coreML)
        }
        environment = try ORTEnv(loggingLevel: .warning)
        session = try ORTSession(env: environment, modelPath: model.path, sessionOptions: options)
        self.words = words
    }

    func run(_ inputs: [String: Tensor]) throws -> [String: [Float]] {
        let values = try inputs.mapValues { tensor in
            try ORTValue(
                tensorData: NSMutableData(data: tensor.data),
                elementType: element(tensor.dtype),
                shape: tensor.shape.map { NSNumber(value: $0) })
        }
        let names = Set(words.outputs.map { $0.name })
        let found = try session.run(withInputs: values, outputNames: names, runOptions: nil)
        var outputs: [String: [Float]] = [:]
        for output in words.outputs {
            guard let data = try found[output.name]?.tensorData() as Data? else {
                throw BundleError("\(output.name): not among what the model gives")
            }
            outputs[output.name] = try Tensor(dtype: output.dtype, shape: [], data: data).values.map { Float($0) }
        }
        return outputs
    }

    private func element(_ dtype: String) throws -> ORTTensorElementDataType {
        switch dtype {
        case "float32": return .float
        case "int32": return .int32
        case "int8": return .int8
        case "uint8": return .uInt8
        default: throw BundleError("\(dtype): no dtype that this bundle was tried with")
        }
    }
}
