// Steps from a sound to a model's input: frames, their power spectrum, and a matrix of the bundle that sums its bins.

import Foundation

/// Samples of one microphone, 16 bits each, at the rate of the step `sound`.
struct Sound: Raw {
    let samples: [Int16]
}

let audioKind = Kind(
    steps: [
        "sound": { step, value, _ in try sound(try taken(value, as: Sound.self), step) },
        "clip": { step, value, _ in try clip(try numbers(value), step) },
        "scale": { step, value, _ in
            let by = Float(try step.number("by"))
            return try numbers(value).map { $1 * by }
        },
        "frames": { step, value, _ in try frames(try numbers(value), step) },
        "window": { step, value, _ in try windowed(try numbers(value), step) },
        "power_spectrum": { step, value, _ in try powerSpectrum(try numbers(value), try step.integer("fft")) },
        "matrix": { step, value, bundle in try multiplied(try numbers(value), step, bundle) },
        "log": { step, value, _ in
            try step.expect("base", "e")
            let plus = try step.number("plus")
            return try numbers(value).map { Float(log(Double($1) + plus)) }
        },
    ],
    decode: { form, _, content in
        guard form == "pcm16" else {
            throw BundleError("\(form): no form of a sound; expected pcm16")
        }
        return Sound(samples: elements(of: Int16.self, in: content))
    })

/// Returns the clips of a longer sound that a model hears one after another.
///
/// - Parameter input: of the model; its step `clip` says how long a clip is, and how far apart two begin.
func clips(_ input: Input, _ sound: Sound) throws -> [Sound] {
    guard let step = input.preprocessing.first(where: { $0.name == "clip" }) else {
        throw BundleError("\(input.name): no step clip")
    }
    let (samples, hop) = (try step.integer("samples"), try step.integer("hop"))
    return stride(from: 0, through: sound.samples.count - samples, by: hop).map { first in
        Sound(samples: Array(sound.samples[first..<first + samples]))
    }
}

private func sound(_ sound: Sound, _ step: Step) throws -> Values {
    try step.expect("format", "pcm16")
    guard try step.integer("channels") == 1 else {
        throw BundleError("sound: several channels; expected one")
    }
    return Values(dtype: "int16", shape: [sound.samples.count], data: sound.samples.map { Float($0) })
}

/// Returns the first samples; zeros follow a sound that is shorter.
private func clip(_ values: Values, _ step: Step) throws -> Values {
    try step.expect("short", "zeros_behind")
    let samples = try step.integer("samples")
    let first = Array(values.data.prefix(samples))
    let zeros = [Float](repeating: 0, count: samples - first.count)
    return Values(dtype: values.dtype, shape: [samples], data: first + zeros)
}

/// Returns frames [frames, length]; samples behind the last whole one are dropped.
private func frames(_ values: Values, _ step: Step) throws -> Values {
    guard try !step.flag("centred") else {
        throw BundleError("frames: centred; the bundle is newer than this code")
    }
    let (length, hop) = (try step.integer("length"), try step.integer("hop"))
    let count = (values.data.count - length) / hop + 1
    let data = (0..<count * length).map { values.data[$0 / length * hop + $0 % length] }
    return Values(dtype: "float32", shape: [count, length], data: data)
}

/// Multiplies frames by a Hann window; a periodic one has no second zero at its end.
private func windowed(_ values: Values, _ step: Step) throws -> Values {
    try step.expect("shape", "hann")
    let length = values.shape[1]
    let period = Double(try step.flag("periodic") ? length : length - 1)
    let window = (0..<length).map { Float(0.5 - 0.5 * cos(2 * Double.pi * Double($0) / period)) }
    return values.map { $1 * window[$0 % length] }
}

/// Returns re^2 + im^2 of the bins 0 to fft / 2 of each frame, which zeros fill up to the length of the transform.
private func powerSpectrum(_ values: Values, _ fft: Int) throws -> Values {
    guard fft > 0, fft & (fft - 1) == 0 else {
        throw BundleError("power_spectrum: fft \(fft); expected a power of two")
    }
    let (count, length) = (values.shape[0], values.shape[1])
    let bins = fft / 2 + 1
    var data: [Float] = []
    data.reserveCapacity(count * bins)
    for frame in 0..<count {
        var real = (0..<fft).map { $0 < length ? Double(values.data[frame * length + $0]) : 0 }
        var imaginary = [Double](repeating: 0, count: fft)
        transform(&real, &imaginary)
        for bin in 0..<bins {
            data.append(Float(real[bin] * real[bin] + imaginary[bin] * imaginary[bin]))
        }
    }
    return Values(dtype: "float32", shape: [count, bins], data: data)
}

/// The fast Fourier transform of radix 2 (Cooley and Tukey), in place.
private func transform(_ real: inout [Double], _ imaginary: inout [Double]) {
    let size = real.count
    var reversed = 0
    for place in 1..<size {
        var bit = size >> 1
        while reversed & bit != 0 {
            reversed ^= bit
            bit >>= 1
        }
        reversed |= bit
        if place < reversed {
            real.swapAt(place, reversed)
            imaginary.swapAt(place, reversed)
        }
    }
    var half = 1
    while half < size {
        for offset in 0..<half {
            let angle = -Double.pi * Double(offset) / Double(half)
            let (turnReal, turnImaginary) = (cos(angle), sin(angle))
            for upper in stride(from: offset, to: size, by: 2 * half) {
                let lower = upper + half
                let lowerReal = real[lower] * turnReal - imaginary[lower] * turnImaginary
                let lowerImaginary = real[lower] * turnImaginary + imaginary[lower] * turnReal
                real[lower] = real[upper] - lowerReal
                imaginary[lower] = imaginary[upper] - lowerImaginary
                real[upper] += lowerReal
                imaginary[upper] += lowerImaginary
            }
        }
        half *= 2
    }
}

/// Multiplies rows by a matrix of the bundle.
private func multiplied(_ values: Values, _ step: Step, _ bundle: any Numbers) throws -> Values {
    let (rows, columns) = (try step.integer("rows"), try step.integer("columns"))
    let matrix = try bundle.at(try step.text("file"))
    guard matrix.count == rows * columns, values.shape.last == rows else {
        throw BundleError("matrix: not \(rows) x \(columns)")
    }
    let data = (0..<values.data.count / rows * columns).map { index in
        let (first, column) = (index / columns * rows, index % columns)
        var sum = 0.0
        for row in 0..<rows {
            sum += Double(values.data[first + row]) * Double(matrix[row * columns + column])
        }
        return Float(sum)
    }
    return Values(dtype: "float32", shape: values.shape.dropLast() + [columns], data: data)
}
