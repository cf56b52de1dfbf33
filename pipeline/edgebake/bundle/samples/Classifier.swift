// The interface for apps: opens the first model of the bundle that works on the device, and runs it.

import CoreGraphics
import Foundation
import ImageIO

/// A model that loaded and passed its golden vectors on this device.
///
///     let classifier = try await Classifier.open(bundle)
///     let answers = try await classifier.classify(image)
///
/// Both can be called from the main actor: they work outside it.
final class Classifier: Sendable {
    let choice: Choice
    private let session: any Session

    private init(choice: Choice, session: any Session) {
        self.choice = choice
        self.session = session
    }

    /// Opens the first choice that works; after a failure, the next accelerator and then the next target are tried.
    ///
    /// - Throws: no choice works; the text has the reason for each.
    static func open(_ bundle: ModelBundle, facts: Facts = .ofThisDevice) async throws -> Classifier {
        try await Task.detached(priority: .userInitiated) {
            let attempts = UserDefaults.standard
            var reasons: [String] = []
            for choice in bundle.resolve(facts) {
                let name = "bundle.attempt \(choice.target.words.model) on \(choice.accelerator)"
                if attempts.bool(forKey: name) {
                    reasons.append("\(name): the app ended while this was tried")
                    continue
                }
                // A driver may crash the process. Recorded before the attempt, so that the next start skips it.
                attempts.set(true, forKey: name)
                defer { attempts.removeObject(forKey: name) }
                do {
                    let session = try await load(bundle, choice)
                    guard let found = try await departure(bundle, choice.target, session) else {
                        return Classifier(choice: choice, session: session)
                    }
                    reasons.append("\(name): \(found)")
                } catch {
                    reasons.append("\(name): \(error)")
                }
            }
            throw BundleError("no model of the bundle works here:\n" + reasons.joined(separator: "\n"))
        }.value
    }

    /// Returns predictions in descending probability; empty if all are below the threshold.
    func classify(_ image: CGImage) async throws -> [Answer] {
        let (words, session) = (self.choice.target.words, self.session)
        return try await Task.detached(priority: .userInitiated) {
            let output = try await session.run(preprocess(words.preprocessing, Picture(image)))
            return try postprocess(words.postprocessing, output, words.labels)
        }.value
    }

    /// Loads a model without testing it with its golden vectors.
    static func load(_ bundle: ModelBundle, _ choice: Choice) async throws -> any Session {
        let words = choice.target.words
        return try await bundle.withModel(choice.target) { model in
            switch words.runtime {
            // <coreml>
            case "coreml":
                return try await CoreMLSession(package: model, words: words, accelerator: choice.accelerator)
            // </coreml>
            // <onnxruntime>
            case "onnxruntime":
                return try OnnxSession(model: model, words: words, accelerator: choice.accelerator)
            // </onnxruntime>
            default:
                throw BundleError("\(words.runtime): no runtime of this app")
            }
        }
    }
}

extension Facts {
    /// What this device reports about itself.
    static var ofThisDevice: Facts {
        let version = ProcessInfo.processInfo.operatingSystemVersion
        var system = utsname()
        uname(&system)
        let machine = withUnsafeBytes(of: &system.machine) { bytes in
            String(decoding: bytes.prefix(while: { $0 != 0 }), as: UTF8.self)
        }
        return Facts(
            os: "\(version.majorVersion).\(version.minorVersion).\(version.patchVersion)",
            memoryMb: Int(ProcessInfo.processInfo.physicalMemory / 1_000_000),
            device: ProcessInfo.processInfo.environment["SIMULATOR_MODEL_IDENTIFIER"] ?? machine,
            accelerators: ["neural_engine", "gpu", "cpu"])
    }
}

extension Picture {
    /// Takes the colors as they are in the file: no color profile is applied, as in training.
    init(_ image: CGImage) throws {
        let isGrey = image.colorSpace?.model == .monochrome
        let space = isGrey ? CGColorSpaceCreateDeviceGray() : CGColorSpaceCreateDeviceRGB()
        let (width, height) = (image.width, image.height)
        var rgba = [UInt8](repeating: 0, count: 4 * width * height)
        let isDrawn = rgba.withUnsafeMutableBytes { bytes in
            let context = CGContext(
                data: bytes.baseAddress, width: width, height: height, bitsPerComponent: 8, bytesPerRow: 4 * width,
                space: CGColorSpaceCreateDeviceRGB(), bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
            context?.interpolationQuality = .none
            let area = CGRect(x: 0, y: 0, width: width, height: height)
            context?.draw(image.copy(colorSpace: space) ?? image, in: area)
            return context != nil
        }
        guard isDrawn else {
            throw BundleError("no memory for a picture of \(width) x \(height)")
        }
        self.init(width: width, height: height, rgba: rgba)
    }

    /// Decodes a file.
    init(file: Data) throws {
        guard let source = CGImageSourceCreateWithData(file as CFData, nil),
            let image = CGImageSourceCreateImageAtIndex(source, 0, nil)
        else {
            throw BundleError("no picture that can be decoded")
        }
        try self.init(image)
    }
}
