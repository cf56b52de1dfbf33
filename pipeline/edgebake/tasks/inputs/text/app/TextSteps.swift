// Steps from a text to a model's input: numbers of its bytes, which need neither a tokenizer nor tables of Unicode.

import Foundation

struct Text: Raw {
    let text: String
}

let textKind = Kind(
    steps: [
        // Characters stay as they are: what composes and decomposes them differs between versions of Unicode.
        "utf8": { step, value, _ in
            try step.expect("normal_form", "none")
            return Array(try taken(value, as: Text.self).text.utf8)
        },
        "bytes": { step, value, _ in try bytes(try taken(value, as: [UInt8].self), step) },
    ],
    decode: { form, _, content in
        guard form == "utf8", let text = String(data: content, encoding: .utf8) else {
            throw BundleError("\(form): no form of a text; expected utf8")
        }
        return Text(text: text)
    })

/// Returns the first bytes, each plus a number; a shorter text is padded.
private func bytes(_ content: [UInt8], _ step: Step) throws -> Values {
    try step.expect("keep", "first")
    let (length, plus, pad) = (try step.integer("length"), try step.integer("plus"), try step.integer("pad"))
    let numbers = (0..<length).map { Float($0 < content.count ? Int(content[$0]) + plus : pad) }
    return Values(dtype: "int32", shape: [length], data: numbers)
}
