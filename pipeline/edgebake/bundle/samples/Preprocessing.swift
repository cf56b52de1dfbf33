// Preprocessing: from an example to the tensors of a model, in the steps that the manifest lists.

import Foundation

/// An example as an app has it, before the first step: a picture, a sound, measurements or a text.
protocol Raw: Sendable {}

/// Large constants of steps, row by row, by the path of their file in the bundle.
protocol Numbers: Sendable {
    func at(_ path: String) throws -> [Float]
}

/// A function of a step's parameters, of the value before it, and of the bundle's numbers.
typealias StepFunction = @Sendable (Step, Any, any Numbers) throws -> Any

/// A kind of input.
struct Kind: Sendable {
    /// Its steps by name.
    let steps: [String: StepFunction]
    /// Makes an example from its form in golden vectors (png, pcm16, ...), its shape and its bytes.
    let decode: @Sendable (String, [Int], Data) throws -> any Raw
}

let kinds: [String: Kind] = [@KINDS@]

/// What a step yields that the next one can take as numbers.
protocol Numeric {
    func values() -> Values
}

/// Numbers between two steps, row by row; of the dtypes of integers, whole ones.
struct Values: Numeric {
    let dtype: String
    let shape: [Int]
    let data: [Float]

    func values() -> Values {
        self
    }

    /// Returns real numbers of the same shape.
    func map(_ change: (Int, Float) -> Float) -> Values {
        Values(dtype: "float32", shape: shape, data: data.enumerated().map { change($0.offset, $0.element) })
    }
}

/// A tensor as it is stored, little-endian.
struct Tensor: Sendable {
    let dtype: String
    let shape: [Int]
    let data: Data

    /// The stored elements.
    var values: [Double] {
        get throws {
            switch dtype {
            case "float32": return elements(of: Float.self, in: data).map { Double($0) }
            case "int32": return elements(of: Int32.self, in: data).map { Double($0) }
            case "int16": return elements(of: Int16.self, in: data).map { Double($0) }
            case "int8": return elements(of: Int8.self, in: data).map { Double($0) }
            case "uint8": return elements(of: UInt8.self, in: data).map { Double($0) }
            default: throw BundleError("\(dtype): no dtype that is known here")
            }
        }
    }
}

/// Returns the numbers that bytes hold.
func elements<Element>(of type: Element.Type, in data: Data) -> [Element] {
    data.withUnsafeBytes { bytes in
        (0..<bytes.count / MemoryLayout<Element>.size).map {
            bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.size, as: type)
        }
    }
}

/// Steps of every kind of input.
private let sharedSteps: [String: StepFunction] = [
    "normalize": { step, value, _ in
        let (mean, scale) = (try step.numbers("mean"), try step.numbers("scale"))
        return try numbers(value).map { ($1 - mean[$0 % mean.count]) * scale[$0 % scale.count] }
    },
    "quantize": { step, value, _ in try quantized(try numbers(value), step) },
    "layout": { step, value, _ in
        try step.expect("layout", "NHWC")
        return value
    },
]

/// Returns the tensors of a model by the name of its inputs.
///
/// - Parameter examples: one for each input, by its name.
func preprocess(_ words: Words, _ examples: [String: any Raw], _ bundle: any Numbers) throws -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for input in words.inputs {
        guard let example = examples[input.name] else {
            throw BundleError("\(input.name): no example for this input")
        }
        tensors[input.name] = try preprocess(input, example, bundle)
    }
    return tensors
}

/// Returns the tensor of one input, [1, ...].
func preprocess(_ input: Input, _ example: any Raw, _ bundle: any Numbers) throws -> Tensor {
    guard let kind = kinds[input.kind] else {
        throw BundleError("\(input.kind): unknown kind of input; the bundle is newer than this code")
    }
    var value: Any = example
    for step in input.preprocessing {
        guard let function = kind.steps[step.name] ?? sharedSteps[step.name] else {
            throw BundleError("\(step.name): unknown step; the bundle is newer than this code")
        }
        value = try function(step, value, bundle)
    }
    return try stored(try numbers(value), input.tensor.shape)
}

/// Returns the value before a step as the type that the step takes.
func taken<Taken>(_ value: Any, as type: Taken.Type) throws -> Taken {
    guard let taken = value as? Taken else {
        throw BundleError("\(Swift.type(of: value)): not what the step takes; expected \(type)")
    }
    return taken
}

func numbers(_ value: Any) throws -> Values {
    guard let numeric = value as? any Numeric else {
        throw BundleError("\(Swift.type(of: value)): a step is missing that yields numbers")
    }
    return numeric.values()
}

/// Rounds to even, and clips to the range of the dtype.
private func quantized(_ values: Values, _ step: Step) throws -> Values {
    let ranges: [String: ClosedRange<Float>] = ["int8": -128...127, "uint8": 0...255, "int16": -32768...32767]
    let dtype = try step.text("dtype")
    guard let range = ranges[dtype] else {
        throw BundleError("\(dtype): no dtype of a quantized input")
    }
    let (scale, zero) = (Float(try step.number("scale")), Float(try step.integer("zero_point")))
    let integers = values.map { _, value in
        min(max((value / scale + zero).rounded(.toNearestOrEven), range.lowerBound), range.upperBound)
    }
    return Values(dtype: dtype, shape: values.shape, data: integers.data)
}

/// Returns numbers as a tensor: of the manifest's shape, which has axes of length 1 that the steps do not know.
private func stored(_ values: Values, _ shape: [Int]) throws -> Tensor {
    let isWhole = shape.reduce(1, *) == values.data.count
    let data: Data
    switch values.dtype {
    case "float32": data = values.data.withUnsafeBytes { Data($0) }
    case "int32": data = values.data.map { Int32($0) }.withUnsafeBytes { Data($0) }
    case "int16": data = values.data.map { Int16($0) }.withUnsafeBytes { Data($0) }
    case "int8": data = values.data.map { Int8($0) }.withUnsafeBytes { Data($0) }
    case "uint8": data = values.data.map { UInt8($0) }.withUnsafeBytes { Data($0) }
    default: throw BundleError("\(values.dtype): no dtype of an input")
    }
    return Tensor(dtype: values.dtype, shape: isWhole ? shape : [1] + values.shape, data: data)
}
