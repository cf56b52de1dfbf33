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

    func run(_ input: Tensor) throws -> [Float] {
        let picture = MLFeatureValue(pixelBuffer: try pixelBuffer(input))
        let features = try MLDictionaryFeatureProvider(dictionary: [words.input.name: picture])
        let found = try model.prediction(from: features)
        guard let scores = found.featureValue(for: words.output.name)?.dictionaryValue else {
            throw BundleError("\(words.output.name): not among what the model gives")
        }
        return words.labels.map { scores[$0]?.floatValue ?? .nan }
    }

    /// Converts pixels [1, height, width, 1 or 3] for Core ML: grayscale, or blue, green, red and an unused byte.
    ///
    /// A model with input in BGR order swaps the channels itself.
    private func pixelBuffer(_ input: Tensor) throws -> CVPixelBuffer {
        let (height, width, channels) = (input.shape[1], input.shape[2], input.shape[3])
        let format = channels == 1 ? kCVPixelFormatType_OneComponent8 : kCVPixelFormatType_32BGRA
        var created: CVPixelBuffer?
        CVPixelBufferCreate(nil, width, height, format, nil, &created)
        guard let buffer = created, CVPixelBufferLockBaseAddress(buffer, []) == kCVReturnSuccess,
            let base = CVPixelBufferGetBaseAddress(buffer)
        else {
            throw BundleError("no memory for a picture of \(width) x \(height)")
        }
        defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
        let pixels = [UInt8](input.data)
        let (blue, red) = words.preprocessing.first?.colour == "bgr" ? (0, 2) : (2, 0)
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
