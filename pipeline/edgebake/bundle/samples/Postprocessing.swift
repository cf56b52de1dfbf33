// Postprocessing: from the outputs of a model to predictions.

import Foundation

/// A class and its probability, and of a detected object its box: top, left, bottom, right.
struct Answer: Sendable, Equatable {
    let label: String
    let probability: Float
    var box: [Float]? = nil
}

/// Returns predictions in descending probability; empty if all are below the threshold.
///
/// - Parameter outputs: the stored values of each output by its name.
func postprocess(_ words: Words, _ outputs: [String: [Float]]) throws -> [Answer] {
    var values = try output(words.outputs[0].name, of: outputs)
    for step in words.postprocessing {
        if step.has("output") {
            values = try output(try step.text("output"), of: outputs)
        }
        switch step.name {
        case "dequantize":
            let (scale, zero) = (Float(try step.number("scale")), Float(try step.integer("zero_point")))
            values = values.map { ($0 - zero) * scale }
        case "softmax": values = softmax(values)
        case "top_k": return topK(values, words.labels, try step.integer("k"), Float(try step.number("threshold")))
        case "non_maximum_suppression": return try nonMaximumSuppression(values, words.labels, step)
        default: throw BundleError("\(step.name): unknown step; the bundle is newer than this code")
        }
    }
    throw BundleError("no answers: the bundle's last step is neither top_k nor non_maximum_suppression")
}

func output(_ name: String, of outputs: [String: [Float]]) throws -> [Float] {
    guard let values = outputs[name] else {
        throw BundleError("\(name): not among what the model gives")
    }
    return values
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
func nonMaximumSuppression(_ values: [Float], _ labels: [String], _ step: Step) throws -> [Answer] {
    let width = 4 + labels.count
    let (threshold, iou) = (Float(try step.number("threshold")), try step.number("iou"))
    let limit = try step.integer("limit")
    let pairs = values.indices.filter { $0 % width >= 4 && values[$0] >= threshold }
    let order = pairs.sorted { (values[$0], -$0) > (values[$1], -$1) }
    var selected: [Int] = []
    for pair in order {
        if selected.count == limit { break }
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
