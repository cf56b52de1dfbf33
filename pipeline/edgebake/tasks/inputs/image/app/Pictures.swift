// Pictures from Core Graphics' images and from files.

import CoreGraphics
import Foundation
import ImageIO

extension Classifier {
    /// Classifies an image.
    func classify(_ image: CGImage) async throws -> [Answer] {
        try await classify(Picture(image))
    }
}

extension Picture {
    /// Takes the colors as they are in the file: no color profile is applied, as in training.
    init(_ image: CGImage) throws {
        let isGrey = image.colorSpace?.model == .monochrome
        let space = isGrey ? CGColorSpaceCreateDeviceGray() : CGColorSpaceCreateDeviceRGB()
        let (width, height) = (image.width, image.height)
        var rgba = [UInt8](repeating: 0, count: 4 * width * height)
        let isDrawn = rgba.withUnsafeMutableBytes { bytes in
            let context = CGContext(
                data: bytes.baseAddress, width: width, height: height, bitsPerComponent: 8, bytesPerRow: 4 * width,
                space: CGColorSpaceCreateDeviceRGB(), bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
            context?.interpolationQuality = .none
            let area = CGRect(x: 0, y: 0, width: width, height: height)
            context?.draw(image.copy(colorSpace: space) ?? image, in: area)
            return context != nil
        }
        guard isDrawn else {
            throw BundleError("no memory for a picture of \(width) x \(height)")
        }
        self.init(width: width, height: height, rgba: rgba)
    }

    /// Decodes a file.
    init(file: Data) throws {
        guard let source = CGImageSourceCreateWithData(file as CFData, nil),
            let image = CGImageSourceCreateImageAtIndex(source, 0, nil)
        else {
            throw BundleError("no picture that can be decoded")
        }
        try self.init(image)
    }
}
