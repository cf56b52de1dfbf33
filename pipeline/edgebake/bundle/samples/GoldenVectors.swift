// Tests a model with the golden vectors of its bundle: examples with the expected tensors, outputs and prediction.

import Foundation

/// Golden vectors in the form edgebake.golden/2, or read into it.
struct GoldenVectors: Decodable {
    struct Tolerances: Decodable {
        let inputs: [String: Double]
        let outputs: [String: Double]
    }

    struct StoredRaw: Decodable {
        let form: String
        let shape: [Int]
        let data: Data
    }

    struct StoredTensor: Decodable {
        let dtype: String
        let shape: [Int]
        let data: Data
    }

    struct ExpectedOutput: Decodable {
        let values: [Double]
    }

    struct ExpectedAnswer: Decodable {
        let label: String
    }

    struct Example: Decodable {
        let raw: [String: StoredRaw]
        let tensors: [String: StoredTensor]
        let outputs: [String: ExpectedOutput]
        let answer: [ExpectedAnswer]
    }

    let tolerances: Tolerances
    let examples: [Example]
}

/// Golden vectors in the form edgebake.golden/1: one image and one output.
private struct FirstGoldenVectors: Decodable {
    struct Tolerances: Decodable {
        let tensor: Double
        let output: Double
    }

    struct Example: Decodable {
        let image: Data
        let tensor: GoldenVectors.StoredTensor
        let output: [Double]
        let answer: [GoldenVectors.ExpectedAnswer]
    }

    let tolerances: Tolerances
    let examples: [Example]

    func listed(_ words: Words) -> GoldenVectors {
        let (input, output) = (words.inputs[0].name, words.outputs[0].name)
        return GoldenVectors(
            tolerances: .init(inputs: [input: tolerances.tensor], outputs: [output: tolerances.output]),
            examples: examples.map { example in
                GoldenVectors.Example(
                    raw: [input: .init(form: "png", shape: [example.image.count], data: example.image)],
                    tensors: [input: example.tensor],
                    outputs: [output: .init(values: example.output)],
                    answer: example.answer)
            })
    }
}

private struct Form: Decodable {
    let format: String
}

private func readVectors(_ words: Words, _ content: Data) throws -> GoldenVectors {
    let format = try decoder().decode(Form.self, from: content).format
    switch format {
    case "edgebake.golden/1": return try decoder().decode(FirstGoldenVectors.self, from: content).listed(words)
    case "edgebake.golden/2": return try decoder().decode(GoldenVectors.self, from: content)
    default: throw BundleError("\(format): unknown; the bundle is newer than this code")
    }
}

/// Tests a loaded model with its golden vectors, and returns the first difference; nil if there is none.
func departure(_ bundle: ModelBundle, _ target: Target, _ session: any Session) async throws -> String? {
    let vectors = try readVectors(target.words, bundle.content(target.words.golden))
    for (number, example) in vectors.examples.enumerated() {
        if let found = try await difference(bundle, target.words, vectors.tolerances, example, session) {
            return "golden vector \(number): \(found)"
        }
    }
    return nil
}

private func difference(
    _ bundle: ModelBundle, _ words: Words, _ allowed: GoldenVectors.Tolerances, _ example: GoldenVectors.Example,
    _ session: any Session
) async throws -> String? {
    var tensors: [String: Tensor] = [:]
    for input in words.inputs {
        guard let raw = example.raw[input.name], let stored = example.tensors[input.name],
            let tolerance = allowed.inputs[input.name], let kind = kinds[input.kind]
        else {
            throw BundleError("\(input.name): not in the golden vectors")
        }
        let expected = Tensor(dtype: stored.dtype, shape: stored.shape, data: stored.data)
        let tensor = try preprocess(input, try kind.decode(raw.form, raw.shape, raw.data), bundle)
        if let found = try wrongTensor(input, tensor, expected, tolerance) {
            return found
        }
        tensors[input.name] = expected
    }
    // With the expected tensors, so that this tests the model alone.
    let outputs = try await session.run(tensors)
    for entry in words.outputs {
        guard let expected = example.outputs[entry.name]?.values, let tolerance = allowed.outputs[entry.name] else {
            throw BundleError("\(entry.name): not in the golden vectors")
        }
        let real = entry.real(try output(entry.name, of: outputs)).map { Double($0) }
        guard real.count == expected.count else {
            return "\(entry.name) has \(real.count) numbers, expected \(expected.count)"
        }
        let off = largestDifference(real, expected)
        // Not `>`: NaN is not within a tolerance either.
        if !(off <= tolerance) {
            return "\(entry.name) is \(off) off, expected at most \(tolerance)"
        }
    }
    let answer = try postprocess(words, outputs).first?.label
    let expectedAnswer = example.answer.first?.label
    return answer == expectedAnswer ? nil : "the answer is \(answer ?? "none"), expected \(expectedAnswer ?? "none")"
}

private func wrongTensor(_ input: Input, _ tensor: Tensor, _ expected: Tensor, _ tolerance: Double) throws -> String? {
    guard tensor.dtype == expected.dtype, tensor.shape == expected.shape else {
        return "\(input.name) is \(tensor.dtype) \(tensor.shape), expected \(expected.dtype) \(expected.shape)"
    }
    let off = try largestDifference(tensor.values, expected.values) * (input.tensor.scale ?? 1)
    return off <= tolerance ? nil : "\(input.name) is \(off) off, expected at most \(tolerance)"
}

private func largestDifference(_ found: [Double], _ expected: [Double]) -> Double {
    let differences = zip(found, expected).map { abs($0 - $1) }
    return differences.contains { $0.isNaN } ? .nan : differences.max() ?? 0
}
