// Runs an .mlpackage with Core ML.
//
// Not through Vision, whose requests scale images with another filter. The image already has the model's
// size here.
// Source: https://developer.apple.com/documentation/coreml/mlmodel

import CoreML
import CoreVideo
import Foundation

/// An actor, so that predictions run one at a time and never on the main thread.
actor CoreMLSession: Session {
    private let model: MLModel
    private let compiled: URL
    private let words: Words

    /// - Parameter package: the .mlpackage folder; it is compiled for this device, which takes seconds.
    init(package: URL, words: Words, accelerator: String) async throws {
        let configuration = MLModelConfiguration()
        switch accelerator {
        case "neural_engine": configuration.computeUnits = .cpuAndNeuralEngine
        case "gpu": configuration.computeUnits = .cpuAndGPU
        default: configuration.computeUnits = .cpuOnly
        }
        compiled = try await MLModel.compileModel(at: package)
        model = try await MLModel.load(contentsOf: compiled, configuration: configuration)
        self.words = words
    }

    deinit {
        try? FileManager.default.removeItem(at: compiled)
    }

    func run(_ inputs: [String: Tensor]) throws -> [String: [Float]] {
        var features: [String: MLFeatureValue] = [:]
        for input in words.inputs {
            guard let tensor = inputs[input.name] else {
                throw BundleError("\(input.name): no tensor for this input")
            }
            if input.tensor.dtype == "image" {
                features[input.name] = MLFeatureValue(pixelBuffer: try pixelBuffer(input, tensor))
            } else {
                features[input.name] = MLFeatureValue(multiArray: try multiArray(tensor))
            }
        }
        let found = try model.prediction(from: MLDictionaryFeatureProvider(dictionary: features))
        var outputs: [String: [Float]] = [:]
        for output in words.outputs {
            outputs[output.name] = try numbers(found.featureValue(for: output.name), output.name)
        }
        return outputs
    }

    /// Returns an array, or the probability of each label in the order of the labels.
    private func numbers(_ value: MLFeatureValue?, _ name: String) throws -> [Float] {
        if let array = value?.multiArrayValue {
            return (0..<array.count).map { array[$0].floatValue }
        }
        guard let value, value.type == .dictionary else {
            throw BundleError("\(name): not among what the model gives")
        }
        return words.labels.map { value.dictionaryValue[$0]?.floatValue ?? .nan }
    }

    private func multiArray(_ tensor: Tensor) throws -> MLMultiArray {
        let types: [String: MLMultiArrayDataType] = ["float32": .float32, "int32": .int32]
        guard let type = types[tensor.dtype] else {
            throw BundleError("\(tensor.dtype): no dtype of an array in Core ML")
        }
        let array = try MLMultiArray(shape: tensor.shape.map { NSNumber(value: $0) }, dataType: type)
        array.withUnsafeMutableBytes { target, _ in
            tensor.data.withUnsafeBytes { target.copyMemory(from: $0) }
        }
        return array
    }

    /// Converts pixels [1, height, width, 1 or 3] for Core ML: grayscale, or blue, green, red and an unused byte.
    ///
    /// A model with input in BGR order swaps the channels itself.
    private func pixelBuffer(_ input: Input, _ tensor: Tensor) throws -> CVPixelBuffer {
        let (height, width, channels) = (tensor.shape[1], tensor.shape[2], tensor.shape[3])
        let format = channels == 1 ? kCVPixelFormatType_OneComponent8 : kCVPixelFormatType_32BGRA
        var created: CVPixelBuffer?
        CVPixelBufferCreate(nil, width, height, format, nil, &created)
        guard let buffer = created, CVPixelBufferLockBaseAddress(buffer, []) == kCVReturnSuccess,
            let base = CVPixelBufferGetBaseAddress(buffer)
        else {
            throw BundleError("no memory for a picture of \(width) x \(height)")
        }
        defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
        let pixels = [UInt8](tensor.data)
        let (blue, red) = try input.preprocessing[0].text("colour") == "bgr" ? (0, 2) : (2, 0)
        for y in 0..<height {
            let row = (base + y * CVPixelBufferGetBytesPerRow(buffer)).assumingMemoryBound(to: UInt8.self)
            for x in 0..<width {
                let place = (y * width + x) * channels
                if channels == 1 {
                    row[x] = pixels[place]
                } else {
                    let colours = (pixels[place + blue], pixels[place + 1], pixels[place + red])
                    (row[4 * x], row[4 * x + 1], row[4 * x + 2]) = colours
                    row[4 * x + 3] = 255
                }
            }
        }
        return buffer
    }
}
