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
    guard let step = words.postprocessing.last else {
        throw BundleError("no steps of postprocessing")
    }
    let real = try values(words, words.postprocessing[...], outputs)
    switch step.name {
    case "top_k": return topK(real, words.labels, try step.integer("k"), Float(try step.number("threshold")))
    case "non_maximum_suppression": return try nonMaximumSuppression(real, words.labels, step)
    default: throw BundleError("no answers: the bundle's last step is neither top_k nor non_maximum_suppression")
    }
}

/// Returns what the last of some steps begins with.
private func values(_ words: Words, _ steps: ArraySlice<Step>, _ outputs: [String: [Float]]) throws -> [Float] {
    var values = try output(words.outputs[0].name, of: outputs)
    for (place, step) in steps.enumerated() {
        if step.has("output") {
            values = try output(try step.text("output"), of: outputs)
        }
        if place == steps.count - 1 {
            break
        }
        switch step.name {
        case "dequantize":
            let (scale, zero) = (Float(try step.number("scale")), Float(try step.integer("zero_point")))
            values = values.map { ($0 - zero) * scale }
        case "softmax": values = softmax(values)
        case "smooth": break  // The mean over one clip is the clip; see Listener.
        default: throw BundleError("\(step.name): unknown step; the bundle is newer than this code")
        }
    }
    return values
}

// <streams>
/// Answers to a stream, of which a model hears one clip after another: several of them hold the same word.
///
/// Probabilities are means over the last clips. A class is heard once it has been the most probable one, with at least
/// the threshold, in so many clips in a row, and again only after a clip in which it was not.
struct Listener {
    private let words: Words
    private let steps: ArraySlice<Step>
    private let over: Int
    private let hold: Int
    private let threshold: Float
    private var clips: [[Float]] = []
    private var last: Int?
    private var inARow = 0

    init(_ words: Words) throws {
        guard let place = words.postprocessing.firstIndex(where: { $0.name == "smooth" }),
            let shown = words.postprocessing.last
        else {
            throw BundleError("\(words.model): not for streams")
        }
        self.words = words
        steps = words.postprocessing[...place]
        over = try words.postprocessing[place].integer("over")
        hold = try words.postprocessing[place].integer("hold")
        threshold = Float(try shown.number("threshold"))
    }

    /// Returns the class that is heard with the outputs of the next clip; nil if none is.
    mutating func hear(_ outputs: [String: [Float]]) throws -> Answer? {
        clips.append(try values(words, steps, outputs))
        if clips.count > over {
            clips.removeFirst()
        }
        let means = words.labels.indices.map { label in
            Float(clips.reduce(0.0) { $0 + Double($1[label]) } / Double(clips.count))
        }
        var best = 0  // of equal ones, the first
        for label in means.indices where means[label] > means[best] {
            best = label
        }
        let label = means[best] >= threshold ? best : nil
        inARow = label == last ? inARow + 1 : 1
        last = label
        guard let label, inARow == hold else {
            return nil
        }
        return Answer(label: words.labels[label], probability: means[label])
    }
}

// </streams>
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
