// A bundle, unpacked in a folder of the app: its manifest, its files, and which model is for which device.

import CryptoKit
import Foundation

/// Why a bundle, or one of its models, cannot be used here.
struct BundleError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Reads a bundle. Every file is compared with the manifest before it is used.
struct ModelBundle: Sendable {
    private let folder: URL
    // <encrypted>
    private let key: SymmetricKey
    // </encrypted>
    private let manifest: Manifest
    /// The targets in the order in which an app tries them.
    let targets: [Target]

    /// - Parameters:
    ///   - folder: where the bundle was unpacked.
    // <encrypted>
    ///   - key: 32 bytes, from your key service or from wherever the app keeps it.
    init(folder: URL, key: SymmetricKey) throws {
        self.key = key
    // </encrypted>
    // <plain>
    init(folder: URL) throws {
    // </plain>
        self.folder = folder
        let content = try Data(contentsOf: folder.appendingPathComponent("manifest.json"))
        let manifest = try decoder().decode(Manifest.self, from: content)
        targets = manifest.chain.compactMap { name in
            manifest.targets[name].map { Target(name: name, words: $0) }
        }
        self.manifest = manifest
    }

    /// Returns what a device tries, in this order, until a model loads and answers its golden vectors.
    func resolve(_ facts: Facts) -> [Choice] {
        targets.filter { meets(facts, $0.words.device) }.flatMap { target in
            target.words.accelerators.filter(facts.accelerators.contains).map { Choice(target: target, accelerator: $0) }
        }
    }

    /// Returns a small file of the bundle.
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

    /// Hands the model of a target to `load`, a file or a folder, and returns what that makes of it.
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

/// What manifest.json says, as far as an app needs it.
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

/// What the manifest says of one target.
struct Words: Decodable, Sendable {
    struct End: Decodable, Sendable {
        let name: String
        let dtype: String
        let scale: Double?
    }

    let device: Rule
    let model: String
    let runtime: String
    let accelerators: [String]
    let input: End
    let output: End
    let preprocessing: [Step]
    let postprocessing: [Step]
    let labels: [String]
    let golden: String
}

/// One step before or after the model; which numbers it has is the step's.
struct Step: Decodable, Sendable {
    let step: String
    let colour: String?
    let width: Int?
    let height: Int?
    let filter: String?
    let mean: Numbers?
    let scale: Numbers?
    let dtype: String?
    let zeroPoint: Int?
    let k: Int?
    let threshold: Double?
}

/// One number for all channels, or one for each.
struct Numbers: Decodable, Sendable {
    private let values: [Double]

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        values = try (try? [container.decode(Double.self)]) ?? container.decode([Double].self)
    }

    /// The number for an element of a tensor in which channels come last.
    subscript(element: Int) -> Float {
        Float(values[element % values.count])
    }
}

/// One file of the bundle, what it is for, and what an app does before and after it.
struct Target: Sendable {
    let name: String
    let words: Words
}

/// A target, and what to run it on.
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

/// What a device says of itself. The chip and features are nothing that iOS tells.
struct Facts: Sendable {
    let os: String
    var soc: String?
    let memoryMb: Int?  // all that the system has, in 1,000,000 bytes
    var features: Set<String> = []
    let device: String?  // utsname.machine
    let accelerators: Set<String>  // those that the app can use
}

/// Whether a device is one that a rule is for; what the system does not tell meets no rule that asks for it.
func meets(_ facts: Facts, _ rule: Rule) -> Bool {
    isAtLeast(facts.os, rule.minimumOs)
        && (rule.soc.isEmpty || facts.soc.map(rule.soc.contains) ?? false)
        && (rule.memoryMb.map { (facts.memoryMb ?? 0) >= $0 } ?? true)
        && facts.features.isSuperset(of: rule.features)
        && (rule.devices.isEmpty || facts.device.map(rule.devices.contains) ?? false)
        && (rule.excludedDevices.isEmpty || facts.device.map { !rule.excludedDevices.contains($0) } ?? false)
}

/// Compares versions number by number: 17, 17.0 and 17.0.0 are the same.
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
