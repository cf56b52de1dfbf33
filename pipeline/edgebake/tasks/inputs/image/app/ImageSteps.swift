// Steps from a picture to a model's input, bit for bit as in training. With antialiasing, the resize is Pillow's, in
// the same fixed-point arithmetic; without, it is that of TensorFlow, rounded once.

import Foundation

/// An image: four bytes per pixel, row by row: red, green, blue and an unused one.
struct Picture: Raw {
    let width: Int
    let height: Int
    let rgba: [UInt8]
}

let imageKind = Kind(
    steps: [
        "decode": { step, value, _ in decoded(try taken(value, as: Picture.self), colour: try step.text("colour")) },
        "crop": { _, value, _ in Cropped(pixels: try taken(value, as: Pixels.self)) },
        "resize": { step, value, _ in try modelSized(value, step) },
        "interpolate": { step, value, _ in try modelSized(value, step) },
        "resize_short_side": { step, value, _ in try shortSideSized(try taken(value, as: Pixels.self), step) },
        "center_crop": { step, value, _ in
            let pixels = try taken(value, as: Pixels.self)
            return cut(pixels, center(pixels, try step.integer("width"), try step.integer("height")))
        },
    ],
    decode: { form, _, content in
        guard form == "png" else {
            throw BundleError("\(form): no form of a picture; expected png")
        }
        return try Picture(file: content)
    })

/// Pixels, 8 bits per channel, row by row: one channel for grayscale, three for color.
struct Pixels: Numeric {
    let width: Int
    let height: Int
    let channels: Int
    private(set) var levels: [UInt8] = []

    init(_ width: Int, _ height: Int, _ channels: Int, value: (Int, Int, Int) -> Int) {
        (self.width, self.height, self.channels) = (width, height, channels)
        levels.reserveCapacity(width * height * channels)
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<channels {
                    levels.append(UInt8(value(x, y, channel)))
                }
            }
        }
    }

    subscript(x: Int, y: Int, channel: Int) -> Int {
        Int(levels[(y * width + x) * channels + channel])
    }

    func values() -> Values {
        Values(dtype: "uint8", shape: [height, width, channels], data: levels.map { Float($0) })
    }
}

/// A picture of which the next step reads the centered box with its new aspect ratio: filters also read around it.
private struct Cropped {
    let pixels: Pixels
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

/// Returns a picture, or the box of one that is cropped, in the model's size.
private func modelSized(_ value: Any, _ step: Step) throws -> Pixels {
    let (width, height) = (try step.integer("width"), try step.integer("height"))
    if let cropped = value as? Cropped {
        let box = middle(cropped.pixels, width, height)
        return try resized(cropped.pixels, width, height, box, step)
    }
    let pixels = try taken(value, as: Pixels.self)
    return try resized(pixels, width, height, whole(pixels), step)
}

private func shortSideSized(_ pixels: Pixels, _ step: Step) throws -> Pixels {
    let (width, height) = shortSide(pixels, try step.integer("short_side"))
    return try resized(pixels, width, height, whole(pixels), step)
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
    let filter = try step.text("filter")
    guard ["nearest", "bilinear", "bicubic"].contains(filter) else {
        throw BundleError("\(filter): unknown filter; the bundle is newer than this code")
    }
    if try filter == "nearest" || step.flag("antialias") {
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
