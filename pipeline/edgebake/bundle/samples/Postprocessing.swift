// Postprocessing: from the model's output to predictions; and the test with golden vectors.

import Foundation

/// A class and its probability, and of a detected object its box: top, left, bottom, right.
struct Answer: Sendable, Equatable {
    let label: String
    let probability: Float
    var box: [Float]? = nil
}

/// A loaded model. Its output is the stored values; integers are converted to floats.
protocol Session: Sendable {
    func run(_ input: Tensor) async throws -> [Float]
}

/// Returns predictions in descending probability; empty if all are below the threshold.
func postprocess(_ steps: [Step], _ output: [Float], _ labels: [String]) throws -> [Answer] {
    var values = output
    for step in steps {
        switch step.step {
        case "dequantize": values = dequantized(values, step)
        case "softmax": values = softmax(values)
        case "top_k": return topK(values, labels, step.k ?? labels.count, Float(step.threshold ?? 0))
        case "non_maximum_suppression": return nonMaximumSuppression(values, labels, step)
        default: throw BundleError("\(step.step): unknown step; the bundle is newer than this code")
        }
    }
    throw BundleError("no answers: the bundle's last step is neither top_k nor non_maximum_suppression")
}

private func dequantized(_ stored: [Float], _ step: Step) -> [Float] {
    let (scale, zero) = (step.scale?[0] ?? 1, Float(step.zeroPoint ?? 0))
    return stored.map { ($0 - zero) * scale }
}

private func softmax(_ logits: [Float]) -> [Float] {
    let largest = logits.max() ?? 0
    let powers = logits.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
}

/// Equal probabilities keep the order of the classes.
private func topK(_ probabilities: [Float], _ labels: [String], _ k: Int, _ threshold: Float) -> [Answer] {
    let order = probabilities.indices.sorted {
        (probabilities[$0], -$0) > (probabilities[$1], -$1)
    }
    return order.prefix(k)
        .filter { probabilities[$0] >= threshold }
        .map { Answer(label: labels[$0], probability: probabilities[$0]) }
}

/// Returns the boxes that overlap no more probable box of their class.
///
/// Every pair of a box and a class counts; of equally probable ones the first row, then the first class.
///
/// - Parameter values: a row for each box: top, left, bottom, right, and the probability of each class.
func nonMaximumSuppression(_ values: [Float], _ labels: [String], _ step: Step) -> [Answer] {
    let width = 4 + labels.count
    let (threshold, iou) = (Float(step.threshold ?? 0), step.iou ?? 1)
    let pairs = values.indices.filter { $0 % width >= 4 && values[$0] >= threshold }
    let order = pairs.sorted { (values[$0], -$0) > (values[$1], -$1) }
    var selected: [Int] = []
    for pair in order {
        if selected.count == step.limit ?? order.count { break }
        let rivals = selected.filter { $0 % width == pair % width }
        if !rivals.contains(where: { overlap(values, pair - pair % width, $0 - $0 % width) >= iou }) {
            selected.append(pair)
        }
    }
    return selected.map { pair in
        let box = pair - pair % width
        return Answer(label: labels[pair % width - 4], probability: values[pair], box: Array(values[box..<box + 4]))
    }
}

/// Returns the intersection over union of the boxes that begin at two positions, 0 to 1.
private func overlap(_ values: [Float], _ box: Int, _ rival: Int) -> Double {
    func side(_ start: Float, _ end: Float) -> Double { max(0, Double(end) - Double(start)) }
    func area(_ start: Int) -> Double {
        let height = Double(values[start + 2]) - Double(values[start])
        return height * (Double(values[start + 3]) - Double(values[start + 1]))
    }
    let height = side(max(values[box], values[rival]), min(values[box + 2], values[rival + 2]))
    let width = side(max(values[box + 1], values[rival + 1]), min(values[box + 3], values[rival + 3]))
    let union = area(box) + area(rival) - height * width
    return union > 0 ? height * width / union : 0
}

/// Images with the expected input, output and prediction, and the tolerances of a device.
struct GoldenVectors: Decodable {
    struct Tolerances: Decodable {
        let tensor: Double
        let output: Double
    }

    struct Stored: Decodable {
        let dtype: String
        let shape: [Int]
        let data: Data
    }

    struct Expected: Decodable {
        let label: String
    }

    struct Example: Decodable {
        let image: Data
        let tensor: Stored
        let output: [Double]
        let answer: [Expected]
    }

    let tolerances: Tolerances
    let examples: [Example]
}

/// Tests a loaded model with its golden vectors, and returns the first difference; nil if there is none.
func departure(_ bundle: ModelBundle, _ target: Target, _ session: any Session) async throws -> String? {
    let vectors = try decoder().decode(GoldenVectors.self, from: bundle.content(target.words.golden))
    for (number, example) in vectors.examples.enumerated() {
        if let found = try await difference(target, vectors.tolerances, example, session) {
            return "golden vector \(number): \(found)"
        }
    }
    return nil
}

private func difference(
    _ target: Target, _ allowed: GoldenVectors.Tolerances, _ example: GoldenVectors.Example, _ session: any Session
) async throws -> String? {
    let (words, stored) = (target.words, example.tensor)
    let expected = Tensor(dtype: stored.dtype, shape: stored.shape, data: stored.data)
    let tensor = try preprocess(words.preprocessing, Picture(file: example.image))
    guard tensor.dtype == expected.dtype, tensor.shape == expected.shape else {
        return "the input is \(tensor.dtype) \(tensor.shape), expected \(expected.dtype) \(expected.shape)"
    }
    let inputOff = try largestDifference(tensor.values, expected.values) * (words.input.scale ?? 1)
    // With the expected input, so that this tests the model alone.
    let output = try await session.run(expected)
    let first = words.postprocessing.first
    let real = first.map { $0.step == "dequantize" ? dequantized(output, $0) : output } ?? output
    guard real.count == example.output.count else {
        return "\(real.count) numbers, expected \(example.output.count)"
    }
    let outputOff = largestDifference(real.map { Double($0) }, example.output)
    let answer = try postprocess(words.postprocessing, output, words.labels).first?.label
    // Not `>`: NaN is not within a tolerance either.
    if !(inputOff <= allowed.tensor) {
        return "the input is \(inputOff) off"
    }
    if !(outputOff <= allowed.output) {
        return "the output is \(outputOff) off"
    }
    return answer == example.answer.first?.label ? nil : "the answer is \(answer ?? "none")"
}

private func largestDifference(_ found: [Double], _ expected: [Double]) -> Double {
    let differences = zip(found, expected).map { abs($0 - $1) }
    return differences.contains { $0.isNaN } ? .nan : differences.max() ?? 0
}
