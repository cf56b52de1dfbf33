// Steps from the measurements of sensors to a model's input.

import Foundation

/// Measurements at even times, in the units and at the rate of the step `signal`.
struct Signal: Raw {
    /// The number of values of each time.
    let channels: Int
    /// Time by time.
    let values: [Float]
}

let signalKind = Kind(
    steps: [
        "signal": { step, value, _ in try signal(try taken(value, as: Signal.self), step) },
        "clip": { step, value, _ in try clip(try numbers(value), step) },
    ],
    decode: { form, shape, content in
        guard form == "float32" else {
            throw BundleError("\(form): no form of a signal; expected float32")
        }
        return Signal(channels: shape.last ?? 1, values: elements(of: Float.self, in: content))
    })

/// Returns measurements at even times, linearly interpolated: sensors deliver at uneven ones.
///
/// - Parameters:
///   - times: in seconds, ascending, one for each measurement.
///   - values: time by time.
func evenSignal(_ times: [Double], channels: Int, values: [Float], rateHz: Double) throws -> Signal {
    guard let start = times.first, let end = times.last, values.count == times.count * channels else {
        throw BundleError("\(times.count) times, \(values.count) values")
    }
    // Slack, because the length may be a whole number of periods less a rounding error.
    let count = Int((end - start) * rateHz + 1e-6) + 1
    var even: [Float] = []
    even.reserveCapacity(count * channels)
    var before = 0
    for place in 0..<count {
        let time = start + Double(place) / rateHz
        while before < times.count - 2, times[before + 1] <= time {
            before += 1
        }
        let after = min(before + 1, times.count - 1)
        let length = times[after] - times[before]
        let share = length > 0 ? min(max((time - times[before]) / length, 0), 1) : 0
        for channel in 0..<channels {
            let (first, second) = (values[before * channels + channel], values[after * channels + channel])
            even.append(Float(Double(first) + Double(second - first) * share))
        }
    }
    return Signal(channels: channels, values: even)
}

/// Returns the windows of a longer signal that a model sees one after another.
///
/// - Parameter input: of the model; its step `clip` says how long a window is, and how far apart two begin.
func windows(_ input: Input, _ signal: Signal) throws -> [Signal] {
    guard let step = input.preprocessing.first(where: { $0.name == "clip" }) else {
        throw BundleError("\(input.name): no step clip")
    }
    let (length, hop) = (try step.integer("samples"), try step.integer("hop"))
    let times = signal.values.count / signal.channels
    return stride(from: 0, through: times - length, by: hop).map { first in
        let range = first * signal.channels..<(first + length) * signal.channels
        return Signal(channels: signal.channels, values: Array(signal.values[range]))
    }
}

private func signal(_ signal: Signal, _ step: Step) throws -> Values {
    let channels = try step.count("channels")
    guard signal.channels == channels else {
        throw BundleError("\(signal.channels) channels; expected \(channels)")
    }
    guard signal.values.allSatisfy({ $0.isFinite }) else {
        throw BundleError("a value is not finite; expected numbers")
    }
    return Values(dtype: "float32", shape: [signal.values.count / channels, channels], data: signal.values)
}

/// Returns the first samples.
private func clip(_ values: Values, _ step: Step) throws -> Values {
    try step.expect("short", "refuse")
    let (samples, times, channels) = (try step.integer("samples"), values.shape[0], values.shape[1])
    guard times >= samples else {
        throw BundleError("\(times) samples; expected at least \(samples)")
    }
    return Values(dtype: "float32", shape: [samples, channels], data: Array(values.data.prefix(samples * channels)))
}
