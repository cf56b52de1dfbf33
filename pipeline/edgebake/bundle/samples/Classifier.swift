// The interface for apps: opens the first model of the bundle that works on the device, and runs it.

import Foundation

/// A loaded model. It takes tensors by the names of inputs, and returns stored values by the names of outputs.
protocol Session: Sendable {
    func run(_ inputs: [String: Tensor]) async throws -> [String: [Float]]
}

/// A model that loaded and passed its golden vectors on this device.
///
///     let classifier = try await Classifier.open(bundle)
///     let answers = try await classifier.classify(example)
///
/// Both can be called from the main actor: they work outside it.
final class Classifier: Sendable {
    let choice: Choice
    private let bundle: ModelBundle
    private let session: any Session

    private init(bundle: ModelBundle, choice: Choice, session: any Session) {
        self.bundle = bundle
        self.choice = choice
        self.session = session
    }

    /// Opens the first choice that works; after a failure, the next accelerator and then the next target are tried.
    ///
    /// - Parameter kind: of input, for a bundle with models of several kinds; nil: any.
    /// - Throws: no choice works; the text has the reason for each.
    static func open(
        _ bundle: ModelBundle, kind: String? = nil, facts: Facts = .ofThisDevice
    ) async throws -> Classifier {
        try await Task.detached(priority: .userInitiated) {
            let attempts = UserDefaults.standard
            var reasons: [String] = []
            for choice in bundle.resolve(facts) {
                if let kind, !choice.target.words.inputs.contains(where: { $0.kind == kind }) {
                    continue
                }
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
                        return Classifier(bundle: bundle, choice: choice, session: session)
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
    func classify(_ example: any Raw) async throws -> [Answer] {
        try await classify([choice.target.words.inputs[0].name: example])
    }

    /// Returns the predictions of a model with several inputs: an example for each, by its name.
    func classify(_ examples: [String: any Raw]) async throws -> [Answer] {
        let (bundle, words, session) = (self.bundle, self.choice.target.words, self.session)
        return try await Task.detached(priority: .userInitiated) {
            let outputs = try await session.run(preprocess(words, examples, bundle))
            return try postprocess(words, outputs)
        }.value
    }

    // <streams>
    /// Returns what the model gives for an example, for the `Listener` of a stream.
    ///
    ///     var listener = try Listener(classifier.choice.target.words)
    ///     for clip in try clips(input, sound) {
    ///         let heard = try listener.hear(try await classifier.outputs(clip))
    ///     }
    func outputs(_ example: any Raw) async throws -> [String: [Float]] {
        let (bundle, words, session) = (self.bundle, self.choice.target.words, self.session)
        return try await Task.detached(priority: .userInitiated) {
            try await session.run(preprocess(words, [words.inputs[0].name: example], bundle))
        }.value
    }

    // </streams>
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
