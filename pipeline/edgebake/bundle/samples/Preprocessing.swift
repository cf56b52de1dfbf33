// Preprocessing: from an image to the model's input, bit for bit as in training. With antialiasing, the resize is
// Pillow's, in the same fixed-point arithmetic; without, it is that of TensorFlow, rounded once.

import Foundation

/// An image: four bytes per pixel, row by row: red, green, blue and an unused one.
struct Picture: Sendable {
    let width: Int
    let height: Int
    let rgba: [UInt8]
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
            case "float32": return elements(of: Float.self).map { Double($0) }
            case "int16": return elements(of: Int16.self).map { Double($0) }
            case "int8": return elements(of: Int8.self).map { Double($0) }
            case "uint8": return elements(of: UInt8.self).map { Double($0) }
            default: throw BundleError("\(dtype): no dtype that is known here")
            }
        }
    }

    private func elements<Element>(of type: Element.Type) -> [Element] {
        data.withUnsafeBytes { bytes in
            (0..<bytes.count / MemoryLayout<Element>.size).map {
                bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.size, as: type)
            }
        }
    }
}

private let knownSteps: Set<String> = [
    "decode", "crop", "resize", "interpolate", "resize_short_side", "center_crop", "normalize", "quantize", "layout",
]

/// Returns the model's input for an image, [1, height, width, channels].
func preprocess(_ steps: [Step], _ picture: Picture) throws -> Tensor {
    let words = Dictionary(steps.map { ($0.step, $0) }, uniquingKeysWith: { first, _ in first })
    for name in words.keys where !knownSteps.contains(name) {
        throw BundleError("\(name): unknown step; the bundle is newer than this code")
    }
    guard let decode = words["decode"] else {
        throw BundleError("preprocessing: decode cannot be left out")
    }
    let small = try modelSized(decoded(picture, colour: decode.colour ?? "rgb"), words)
    let shape = [1, small.height, small.width, small.channels]
    guard let normalize = words["normalize"], let mean = normalize.mean, let scale = normalize.scale else {
        return Tensor(dtype: "uint8", shape: shape, data: Data(small.values))
    }
    let real = small.values.enumerated().map { index, level in (Float(level) - mean[index]) * scale[index] }
    guard let quantize = words["quantize"], let step = quantize.scale?[0], let zero = quantize.zeroPoint else {
        return Tensor(dtype: "float32", shape: shape, data: real.withUnsafeBytes { Data($0) })
    }
    let stored = real.map { ($0 / step + Float(zero)).rounded(.toNearestOrEven) }
    return try integers(quantize.dtype ?? "", shape, stored)
}

/// Returns a tensor of integers, clipped to the range of the dtype.
private func integers(_ dtype: String, _ shape: [Int], _ values: [Float]) throws -> Tensor {
    func cut<Stored: FixedWidthInteger>(_: Stored.Type) -> Data {
        let (least, most) = (Float(Stored.min), Float(Stored.max))
        return values.map { Stored(min(max($0, least), most)) }.withUnsafeBytes { Data($0) }
    }
    switch dtype {
    case "int8": return Tensor(dtype: dtype, shape: shape, data: cut(Int8.self))
    case "uint8": return Tensor(dtype: dtype, shape: shape, data: cut(UInt8.self))
    case "int16": return Tensor(dtype: dtype, shape: shape, data: cut(Int16.self))
    default: throw BundleError("\(dtype): no dtype of an input")
    }
}

/// Pixels, 8 bits per channel, row by row: one channel for grayscale, three for color.
struct Pixels {
    let width: Int
    let height: Int
    let channels: Int
    var values: [UInt8] = []

    init(_ width: Int, _ height: Int, _ channels: Int, value: (Int, Int, Int) -> Int) {
        (self.width, self.height, self.channels) = (width, height, channels)
        values.reserveCapacity(width * height * channels)
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<channels {
                    values.append(UInt8(value(x, y, channel)))
                }
            }
        }
    }

    subscript(x: Int, y: Int, channel: Int) -> Int {
        Int(values[(y * width + x) * channels + channel])
    }
}

/// Returns the model's channels; grayscale is ITU-R 601-2 luma in Pillow's fixed-point arithmetic.
private func decoded(_ picture: Picture, colour: String) -> Pixels {
    func channel(_ x: Int, _ y: Int, _ number: Int) -> Int {
        Int(picture.rgba[(y * picture.width + x) * 4 + number])
    }
    if colour != "grey" {
        let order = colour == "bgr" ? [2, 1, 0] : [0, 1, 2]
        return Pixels(picture.width, picture.height, 3) { x, y, number in channel(x, y, order[number]) }
    }
    return Pixels(picture.width, picture.height, 1) { x, y, _ in
        (channel(x, y, 0) * 19595 + channel(x, y, 1) * 38470 + channel(x, y, 2) * 7471 + 0x8000) >> 16
    }
}

/// A rectangle in an image, in pixels.
struct Box {
    let left: Int
    let top: Int
    let right: Int
    let bottom: Int
}

private func whole(_ pixels: Pixels) -> Box {
    Box(left: 0, top: 0, right: pixels.width, bottom: pixels.height)
}

/// Returns an image in the model's size.
private func modelSized(_ pixels: Pixels, _ words: [String: Step]) throws -> Pixels {
    if let step = words["resize_short_side"] {
        guard let side = step.shortSide, let crop = words["center_crop"],
            let width = crop.width, let height = crop.height
        else {
            throw BundleError("preprocessing: resize_short_side needs center_crop")
        }
        let (across, down) = shortSide(pixels, side)
        let large = try resized(pixels, across, down, whole(pixels), step)
        return cut(large, center(large, width, height))
    }
    guard let step = words["interpolate"] ?? words["resize"], let width = step.width, let height = step.height else {
        throw BundleError("preprocessing: resize cannot be left out")
    }
    let box = words["crop"] == nil ? whole(pixels) : middle(pixels, width, height)
    return try resized(pixels, width, height, box, step)
}

/// Returns the largest centered box with the input's aspect ratio; whole pixels, rounded down.
private func middle(_ pixels: Pixels, _ across: Int, _ down: Int) -> Box {
    let wide = min(pixels.width, pixels.height * across / down)
    let high = min(pixels.height, pixels.width * down / across)
    let (left, top) = ((pixels.width - wide) / 2, (pixels.height - high) / 2)
    return Box(left: left, top: top, right: left + wide, bottom: top + high)
}

/// Returns width and height with a length of the shorter side; the longer one is rounded down.
private func shortSide(_ pixels: Pixels, _ side: Int) -> (Int, Int) {
    if pixels.width <= pixels.height {
        return (side, side * pixels.height / pixels.width)
    }
    return (side * pixels.width / pixels.height, side)
}

/// Returns the centered box of a size; half pixels are rounded to even.
private func center(_ pixels: Pixels, _ wide: Int, _ high: Int) -> Box {
    let (left, top) = (evenHalf(pixels.width - wide), evenHalf(pixels.height - high))
    return Box(left: left, top: top, right: left + wide, bottom: top + high)
}

private func evenHalf(_ number: Int) -> Int {
    number / 2 + (number % 4 == 3 ? 1 : 0)
}

private func cut(_ pixels: Pixels, _ box: Box) -> Pixels {
    Pixels(box.right - box.left, box.bottom - box.top, pixels.channels) { x, y, channel in
        pixels[box.left + x, box.top + y, channel]
    }
}

/// Resizes a box of an image as a step says.
private func resized(_ pixels: Pixels, _ width: Int, _ height: Int, _ box: Box, _ step: Step) throws -> Pixels {
    guard let filter = step.filter, ["nearest", "bilinear", "bicubic"].contains(filter) else {
        throw BundleError("\(step.filter ?? "no filter"): unknown filter; the bundle is newer than this code")
    }
    if filter == "nearest" || step.antialias ?? true {
        return resized(pixels, width, height, box, filter)
    }
    return interpolated(cut(pixels, box), width, height, filter)
}

/// Resizes a box of an image like Pillow 13's `resize(size, filter, box)`.
///
/// Rows are resized first if that is less work, as in Pillow: each pass rounds to 8 bits, so the order matters.
func resized(_ pixels: Pixels, _ width: Int, _ height: Int, _ box: Box, _ filter: String) -> Pixels {
    if filter == "nearest" {
        let columns = nearest(box.left, box.right, width)
        let rows = nearest(box.top, box.bottom, height)
        return Pixels(width, height, pixels.channels) { x, y, channel in pixels[columns[x], rows[y], channel] }
    }
    let columns = weights(pixels.width, box.left, box.right, width, filter)
    let rows = weights(pixels.height, box.top, box.bottom, height, filter)
    let isTall = height < pixels.height && pixels.height - height > 2 * (pixels.width - width)
    if isTall {
        return resampled(transposed(resampled(transposed(pixels), rows)), columns)
    }
    return transposed(resampled(transposed(resampled(pixels, columns)), rows))
}

/// Returns the source pixel of each new pixel; the sum is in the same order as in Pillow.
private func nearest(_ start: Int, _ end: Int, _ size: Int) -> [Int] {
    let scale = Double(end - start) / Double(size)
    var place = Double(start) + scale * 0.5
    return (0..<size).map { _ in
        defer { place += scale }
        return Int(place)
    }
}

/// The weights of a new pixel: the first source pixel, and the weights from there on, in fixed point.
private struct Weights {
    let first: Int
    let values: [Int]
}

private let precisionBits = 22

/// Returns the weights of each new pixel; downscaling widens the filter, so that it covers every source pixel.
private func weights(_ old: Int, _ start: Int, _ end: Int, _ size: Int, _ filter: String) -> [Weights] {
    let scale = Double(end - start) / Double(size)
    let stretch = max(scale, 1.0)
    let support = (filter == "bicubic" ? 2.0 : 1.0) * stretch
    return (0..<size).map { place in
        let center = Double(start) + (Double(place) + 0.5) * scale
        let first = max(Int(center - support + 0.5), 0)
        let last = min(Int(center + support + 0.5), old)
        let real = (first..<last).map { bell(filter, (Double($0) - center + 0.5) * (1.0 / stretch)) }
        let sum = real.reduce(0.0, +)
        return Weights(first: first, values: real.map { fixed(sum == 0.0 ? $0 : $0 / sum) })
    }
}

private func fixed(_ weight: Double) -> Int {
    Int(weight * Double(1 << precisionBits) + (weight < 0 ? -0.5 : 0.5))
}

/// Returns the filter's value at a distance from its center.
private func bell(_ filter: String, _ distance: Double) -> Double {
    let x = abs(distance)
    let a = -0.5
    if filter == "bilinear" {
        return max(1.0 - x, 0.0)
    }
    if x < 1.0 {
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    }
    if x < 2.0 {
        return (((x - 5) * x + 8) * x - 4) * a
    }
    return 0.0
}

/// Resizes an image horizontally; every sum is rounded to 8 bits.
private func resampled(_ pixels: Pixels, _ weights: [Weights]) -> Pixels {
    Pixels(weights.count, pixels.height, pixels.channels) { x, y, channel in
        let (first, values) = (weights[x].first, weights[x].values)
        var sum = 1 << (precisionBits - 1)
        for place in values.indices {
            sum += pixels[first + place, y, channel] * values[place]
        }
        return min(max(sum >> precisionBits, 0), 255)
    }
}

/// Resizes an image with filters of fixed width, however much it shrinks; every sum is rounded once.
///
/// Weights outside the image are 0, and the others are divided by their sum.
func interpolated(_ pixels: Pixels, _ width: Int, _ height: Int, _ filter: String) -> Pixels {
    let columns = neighbors(pixels.width, width, filter)
    let rows = neighbors(pixels.height, height, filter)
    return Pixels(width, height, pixels.channels) { x, y, channel in
        let (down, across) = (rows[y], columns[x])
        var sum = 1 << (2 * precisionBits - 1)
        for row in down.values.indices {
            for column in across.values.indices {
                let level = pixels[across.first + column, down.first + row, channel]
                sum += level * down.values[row] * across.values[column]
            }
        }
        return min(max(sum >> (2 * precisionBits), 0), 255)
    }
}

/// Returns the weights of each new pixel, of the two (bilinear) or four (bicubic) source pixels around its center.
private func neighbors(_ old: Int, _ size: Int, _ filter: String) -> [Weights] {
    let scale = Double(old) / Double(size)
    let radius = filter == "bicubic" ? 2 : 1
    return (0..<size).map { place in
        let center = (Double(place) + 0.5) * scale - 0.5
        let start = Int(center.rounded(.down)) - radius + 1
        let first = max(start, 0)
        let last = min(start + 2 * radius, old)
        let real = (first..<last).map { bell(filter, Double($0) - center) }
        let sum = real.reduce(0.0, +)
        return Weights(first: first, values: real.map { fixed($0 / sum) })
    }
}

private func transposed(_ pixels: Pixels) -> Pixels {
    Pixels(pixels.height, pixels.width, pixels.channels) { x, y, channel in pixels[y, x, channel] }
}
