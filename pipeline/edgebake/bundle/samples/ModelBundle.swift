// Reads an unpacked bundle: its manifest, its files and the rules that match models to devices.

import CryptoKit
import Foundation

/// A bundle, or one of its models, that cannot be used on this device.
struct BundleError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

private let schemas: Set<String> = ["edgebake.manifest/1", "edgebake.manifest/2"]

/// A bundle. Every file is compared with the manifest before it is used.
struct ModelBundle: Numbers {
    private let folder: URL
    // <encrypted>
    private let key: SymmetricKey
    // </encrypted>
    private let manifest: Manifest
    /// The targets in fallback order.
    let targets: [Target]

    /// - Parameters:
    ///   - folder: the unpacked bundle.
    // <encrypted>
    ///   - key: 32 bytes, for example from your key service.
    init(folder: URL, key: SymmetricKey) throws {
        self.key = key
    // </encrypted>
    // <plain>
    init(folder: URL) throws {
    // </plain>
        self.folder = folder
        let content = try Data(contentsOf: folder.appendingPathComponent("manifest.json"))
        let schema = try decoder().decode(Schema.self, from: content).schema
        guard schemas.contains(schema) else {
            throw BundleError("\(schema): unknown; the bundle is newer than this code")
        }
        let manifest = try decoder().decode(Manifest.self, from: content)
        targets = manifest.chain.compactMap { name in
            manifest.targets[name].map { Target(name: name, words: $0) }
        }
        self.manifest = manifest
    }

    /// Returns what to try, in order, until a model loads and passes its golden vectors; empty if no target fits.
    func resolve(_ facts: Facts) -> [Choice] {
        targets.filter { meets(facts, $0.words.device) }.flatMap { target in
            target.words.accelerators.filter(facts.accelerators.contains).map { Choice(target: target, accelerator: $0) }
        }
    }

    /// Returns the content of a file, read into memory.
    func content(_ path: String) throws -> Data {
        guard let file = manifest.files.first(where: { $0.path == path }) else {
            throw BundleError("\(path): not in manifest.json")
        }
        let content = try Data(contentsOf: folder.appendingPathComponent(path))
        guard digest(content) == file.sha256 else {
            throw BundleError("\(path): not what manifest.json lists")
        }
        return content
    }

    /// Returns the float32 numbers of a file, row by row.
    func at(_ path: String) throws -> [Float] {
        elements(of: Float.self, in: try content(path))
    }

    /// Calls `load` with the model of a target, a file or a folder, and returns its result.
    func withModel<Loaded>(_ target: Target, load: (URL) async throws -> Loaded) async throws -> Loaded {
        let model = target.words.model
        let files = manifest.files.filter { $0.path == model || $0.path.hasPrefix(model + "/") }
        // <encrypted>
        let plain = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: plain) }
        for file in files {
            let url = plain.appendingPathComponent(file.path)
            let parent = url.deletingLastPathComponent()
            try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
            let about = [manifest.name, manifest.version, manifest.platform, file.path].joined(separator: "/")
            var opened = try content(file.path)
            if let said = file.encryption {
                opened = try decrypted(opened, key: key, associated: about)
                guard opened.count == said.plainSize, digest(opened) == said.plainSha256 else {
                    throw BundleError("\(file.path): decrypted, not what manifest.json lists")
                }
            }
            try opened.write(to: url, options: .completeFileProtection)
        }
        return try await load(plain.appendingPathComponent(model))
        // </encrypted>
        // <plain>
        for file in files {
            _ = try content(file.path)
        }
        return try await load(folder.appendingPathComponent(model))
        // </plain>
    }
}

private struct Schema: Decodable {
    let schema: String
}

/// The part of manifest.json that an app needs.
struct Manifest: Decodable, Sendable {
    struct File: Decodable, Sendable {
        struct Encryption: Decodable, Sendable {
            let plainSize: Int
            let plainSha256: String
        }

        let path: String
        let sha256: String
        let encryption: Encryption?
    }

    let name: String
    let version: String
    let platform: String
    let chain: [String]
    let targets: [String: Words]
    let files: [File]
}

/// A target in manifest.json.
struct Words: Decodable, Sendable {
    let device: Rule
    let model: String
    let runtime: String
    let accelerators: [String]
    let inputs: [Input]
    let outputs: [TensorWords]
    let postprocessing: [Step]
    let labels: [String]
    let golden: String

    private enum CodingKeys: String, CodingKey {
        case device, model, runtime, accelerators, inputs, outputs, postprocessing, labels, golden
        case input, output, preprocessing
    }

    init(from decoder: any Decoder) throws {
        let words = try decoder.container(keyedBy: CodingKeys.self)
        device = try words.decode(Rule.self, forKey: .device)
        model = try words.decode(String.self, forKey: .model)
        runtime = try words.decode(String.self, forKey: .runtime)
        accelerators = try words.decode([String].self, forKey: .accelerators)
        postprocessing = try words.decode([Step].self, forKey: .postprocessing)
        labels = try words.decode([String].self, forKey: .labels)
        golden = try words.decode(String.self, forKey: .golden)
        if let listed = try words.decodeIfPresent([Input].self, forKey: .inputs) {
            inputs = listed
            outputs = try words.decode([TensorWords].self, forKey: .outputs)
        } else {
            // Bundles with the schema edgebake.manifest/1 hold models of one image alone.
            let tensor = try words.decode(TensorWords.self, forKey: .input)
            let steps = try words.decode([Step].self, forKey: .preprocessing)
            inputs = [Input(name: tensor.name, kind: "image", tensor: tensor, preprocessing: steps)]
            outputs = [try words.decode(TensorWords.self, forKey: .output)]
        }
    }
}

/// An input of a model, and the steps that make its tensor of an example.
struct Input: Decodable, Sendable {
    let name: String
    let kind: String
    let tensor: TensorWords
    let preprocessing: [Step]
}

/// A tensor of a model; integers stand for the real numbers (stored - zeroPoint) * scale.
struct TensorWords: Decodable, Sendable {
    let name: String
    let dtype: String
    let shape: [Int]
    let scale: Double?
    let zeroPoint: Int?

    /// Returns stored values as real numbers.
    func real(_ stored: [Float]) -> [Float] {
        guard let scale, let zeroPoint else {
            return stored
        }
        return stored.map { ($0 - Float(zeroPoint)) * Float(scale) }
    }
}

/// A step of pre- or postprocessing; which parameters it has depends on the step.
struct Step: Decodable, Sendable {
    let name: String
    private let parameters: [String: Parameter]

    init(from decoder: any Decoder) throws {
        let parameters = try decoder.singleValueContainer().decode([String: Parameter].self)
        guard case .text(let name)? = parameters["step"] else {
            throw BundleError("a step without a name")
        }
        self.name = name
        self.parameters = parameters
    }

    func number(_ key: String) throws -> Double {
        guard case .number(let number)? = parameters[key] else {
            throw BundleError("\(name).\(key): no number")
        }
        return number
    }

    func integer(_ key: String) throws -> Int {
        guard let integer = Int(exactly: try number(key)) else {
            throw BundleError("\(name).\(key): no whole number")
        }
        return integer
    }

    func text(_ key: String) throws -> String {
        guard case .text(let text)? = parameters[key] else {
            throw BundleError("\(name).\(key): no text")
        }
        return text
    }

    func flag(_ key: String) throws -> Bool {
        guard case .flag(let flag)? = parameters[key] else {
            throw BundleError("\(name).\(key): neither true nor false")
        }
        return flag
    }

    /// Returns one number for all elements of the last axis, or one for each.
    func numbers(_ key: String) throws -> [Float] {
        guard case .list(let list)? = parameters[key] else {
            return [Float(try number(key))]
        }
        return try list.map {
            guard case .number(let number) = $0 else {
                throw BundleError("\(name).\(key): not all numbers")
            }
            return Float(number)
        }
    }

    /// Returns the length of a list.
    func count(_ key: String) throws -> Int {
        guard case .list(let list)? = parameters[key] else {
            throw BundleError("\(name).\(key): no list")
        }
        return list.count
    }

    func has(_ key: String) -> Bool {
        parameters[key] != nil
    }

    /// Throws unless a parameter is one that this code knows.
    func expect(_ key: String, _ known: String) throws {
        let value = try text(key)
        guard value == known else {
            throw BundleError("\(name): \(value): unknown; the bundle is newer than this code")
        }
    }
}

/// A parameter of a step.
indirect enum Parameter: Decodable, Sendable {
    case number(Double)
    case flag(Bool)
    case text(String)
    case list([Parameter])
    case null

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else {
            self = .list(try value.decode([Parameter].self))
        }
    }
}

/// A model, the devices that it is for, and the steps before and after it.
struct Target: Sendable {
    let name: String
    let words: Words
}

/// A target and the accelerator to run it on.
struct Choice: Sendable {
    let target: Target
    let accelerator: String
}

/// The devices that a target is for.
struct Rule: Decodable, Sendable {
    let minimumOs: String
    let soc: [String]
    let memoryMb: Int?
    let features: [String]
    let devices: [String]
    let excludedDevices: [String]
}

/// What a device reports about itself. iOS reports neither chip nor features.
struct Facts: Sendable {
    let os: String
    var soc: String?
    let memoryMb: Int?  // total memory, in units of 1,000,000 bytes
    var features: Set<String> = []
    let device: String?  // utsname.machine
    let accelerators: Set<String>  // those that the app supports
}

/// Returns whether a device meets a rule. A fact that the system does not report meets no rule about it.
func meets(_ facts: Facts, _ rule: Rule) -> Bool {
    isAtLeast(facts.os, rule.minimumOs)
        && (rule.soc.isEmpty || facts.soc.map(rule.soc.contains) ?? false)
        && (rule.memoryMb.map { (facts.memoryMb ?? 0) >= $0 } ?? true)
        && facts.features.isSuperset(of: rule.features)
        && (rule.devices.isEmpty || facts.device.map(rule.devices.contains) ?? false)
        && (rule.excludedDevices.isEmpty || facts.device.map { !rule.excludedDevices.contains($0) } ?? false)
}

/// Compares versions number by number: 17, 17.0 and 17.0.0 are equal.
private func isAtLeast(_ version: String, _ least: String) -> Bool {
    let found = version.split(separator: ".").map { Int($0) ?? 0 }
    let asked = least.split(separator: ".").map { Int($0) ?? 0 }
    for place in 0..<max(found.count, asked.count) {
        let difference = (place < found.count ? found[place] : 0) - (place < asked.count ? asked[place] : 0)
        if difference != 0 {
            return difference > 0
        }
    }
    return true
}

private func digest(_ content: Data) -> String {
    SHA256.hash(data: content).map { String(format: "%02x", $0) }.joined()
}

func decoder() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return decoder
}
